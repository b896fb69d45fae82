/** Why CUDA cannot be had, in words: from what NVIDIA's driver says of itself and what LibTorch was built for. */
import { existsSync, readFileSync } from 'node:fs'
import { GogepoError } from '../base/errors.js'
import type { Libtorch } from '../install/libtorch.js'

/** What can be told of the driver without starting it. */
export interface Driver {
  /** Of the kernel's module, such as 580.65.06; the kernel has none where it is left out. */
  version?: string
  /** Why its library cannot be opened; it can where this is left out. */
  libraryFails?: string
  /** CUDA_VISIBLE_DEVICES, where it is set. */
  visible?: string | undefined
}

const kernelFile = '/proc/driver/nvidia/version'

/** @param open opens a library by name, or throws the system's reason */
export function findDriver(
  open: (library: string) => void,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Driver {
  const version = existsSync(kernelFile) ? versionIn(readFileSync(kernelFile, 'utf8')) : undefined
  return {
    ...(version !== undefined && { version }),
    ...failure(() => open('libcuda.so.1')),
    visible: env['CUDA_VISIBLE_DEVICES'],
  }
}

function failure(attempt: () => void): { libraryFails?: string } {
  try {
    attempt()
    return {}
  } catch (error) {
    return { libraryFails: (error as Error).message }
  }
}

/** The first line is `NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  …` or the like. */
export const versionIn = (text: string): string | undefined =>
  /^NVRM version:.*?\s(\d{3,}\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1]

/** The oldest driver that runs a CUDA of this major; within a major any newer driver runs any minor. */
const leastDrivers: Readonly<Record<string, number>> = { 11: 450, 12: 525, 13: 580 }

const instead = 'or use --device cpu.'

/** Nothing, or why opening LibTorch's part for CUDA would be in vain. */
export function whyNoDriver({ version, libraryFails }: Driver): string | undefined {
  if (libraryFails === undefined) return undefined
  return version === undefined
    ? `this machine has no NVIDIA driver (${libraryFails}). Install one, ${instead}`
    : `the kernel has NVIDIA’s driver ${version}, but the driver’s library cannot be opened (${libraryFails}). In a container, start it with its GPUs (docker run --gpus all), ${instead}`
}

/** Why LibTorch finds no such device. */
export function whyNoDevice(devices: number, driver: Driver, libtorch: Pick<Libtorch, 'version'>): string {
  if (devices > 0)
    return `LibTorch finds ${devices === 1 ? 'one CUDA device, cuda:0' : `${devices} CUDA devices, cuda:0 to cuda:${devices - 1}`}. Name one of these, ${instead}`
  const major = /\+cu(\d+)\d$/.exec(libtorch.version)?.[1]
  const least = major === undefined ? undefined : leastDrivers[major]
  if (driver.version !== undefined && least !== undefined && Number.parseInt(driver.version) < least)
    return `LibTorch ${libtorch.version} needs NVIDIA’s driver ${least} or newer, and this machine’s is ${driver.version}. Update it, name a LibTorch built for an older CUDA with GOGEPO_LIBTORCH, ${instead}`
  if (driver.visible !== undefined)
    return `LibTorch finds no CUDA device, and CUDA_VISIBLE_DEVICES is "${driver.visible}". Let it name a device that nvidia-smi lists, ${instead}`
  return `LibTorch ${libtorch.version} finds no CUDA device${driver.version === undefined ? '' : `, although there is NVIDIA’s driver ${driver.version}`}. See whether nvidia-smi lists one, ${instead}`
}

export const cudaUnavailable = (wanted: string, why: string, cause?: unknown): GogepoError =>
  new GogepoError(
    'ERR_CUDA_UNAVAILABLE',
    `The device ${wanted} was asked for: ${why}`,
    cause === undefined ? undefined : { cause },
  )
