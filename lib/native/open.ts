/** Opens the native side for the rest of the package. */
import { existsSync } from 'node:fs'
import { GogepoError, hasCode } from '../base/errors.js'
import { openAddon } from './addon.js'
import type { Native } from './contract.js'
import { cudaUnavailable, findDriver, whyNoDevice } from './cuda.js'
import { hasNvidiaDriver } from '../install/machine.js'
import { openLoader } from './loader.js'

let native: Native | undefined
let graphs: true | string | undefined

/** The i of cuda:<i>; cuda alone is the first device. */
const deviceIndex = (device: string): number => Number(device.split(':')[1] ?? 0)

/**
 * Opens LibTorch and the addon on the first call, and LibTorch's CUDA libraries on the first call that needs them. `auto` uses CUDA
 * where it is available; a CUDA device that was named but is not available is an error.
 * @throws GogepoError ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON, ERR_CUDA_UNAVAILABLE
 */
export function openNative(device = 'cpu'): Native {
  if (device.startsWith('cuda')) return openWithCuda(device)
  if (device !== 'auto' || !hasNvidiaDriver()) return open(false) // the CUDA libraries are large
  try {
    return openWithCuda('cuda')
  } catch (error) {
    if (hasCode(error, 'ERR_CUDA_UNAVAILABLE')) return open(false)
    throw error
  }
}

function open(cuda: boolean): Native {
  const { exports } = openAddon({ cuda })
  if (native === undefined) {
    native = exports as Native
    native.setErrorClass(GogepoError)
  }
  return native
}

function openWithCuda(device: string): Native {
  const native = open(true)
  const { libtorch, cudaPart } = openAddon()
  const devices = native.cudaDevices().length
  if (deviceIndex(device) >= devices) {
    const { loader } = openLoader()
    throw cudaUnavailable(
      device,
      whyNoDevice(
        devices,
        findDriver((name) => loader.open([name])),
        libtorch,
      ),
    )
  }
  if (graphs === undefined)
    try {
      native.openCudaPart(cudaPart)
      graphs = true
    } catch (error) {
      graphs = existsSync(cudaPart)
        ? (error as Error).message
        : `${cudaPart} is missing: it is built where CUDA’s headers are installed`
    }
  return native
}

/** A CUDA device, and whether updates are captured as CUDA graphs on it. */
export interface CudaUse {
  name?: string
  /** Such as 9.0. */
  capability?: string
  /** In bytes. */
  memory?: number
  /** True, or why not. */
  graphs: true | string
}
export function cudaUse(native: Native, device: string): CudaUse | undefined {
  if (!device.startsWith('cuda')) return undefined
  return { ...native.cudaDevices()[deviceIndex(device)], graphs: graphs ?? 'the CUDA part has not been opened' }
}
