/**
 * Explains why CUDA is not available, from what NVIDIA's driver reports and which CUDA version LibTorch was built for.
 */
import { readFileSync } from 'node:fs'
import { GogepoError } from '../base/errors.js'
import type { Libtorch } from '../install/libtorch.js'
import { hasNvidiaDriver } from '../install/machine.js'

/** What can be found out about the driver without initializing it. */
export interface Driver {
  /** The version of the kernel module, such as 580.65.06; absent if there is no kernel module. */
  version?: string
  /** Why its library cannot be opened; absent if it can. */
  libraryFails?: string
  /** CUDA_VISIBLE_DEVICES, if set. */
  visible?: string | undefined
}

const kernelFile = '/proc/driver/nvidia/version'

/** @param open opens a library by name; throws the system's reason if that fails */
export function findDriver(
  open: (library: string) => void,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Driver {
  const version = hasNvidiaDriver() ? versionIn(readFileSync(kernelFile, 'utf8')) : undefined
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

/**
 * The driver's version in the text of /proc/driver/nvidia/version: `NVRM version: NVIDIA UNIX x86_64 Kernel Module
 * 580.65.06  …`.
 */
export const versionIn = (text: string): string | undefined =>
  /^NVRM version:.*?\s(\d{3,}\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1]

/** The oldest driver that supports each major version of CUDA; it supports all of its minor versions. */
const leastDrivers: Readonly<Record<string, number>> = { 11: 450, 12: 525, 13: 580 }

const instead = 'or use --device cpu.'

/** Why opening LibTorch's CUDA libraries would be pointless; undefined if it is not. */
export function whyNoDriver({ version, libraryFails }: Driver): string | undefined {
  if (libraryFails === undefined) return undefined
  return version === undefined
    ? `this machine has no NVIDIA driver (${libraryFails}). Install one, ${instead}`
    : `the kernel has NVIDIA driver ${version}, but the driver’s library cannot be opened (${libraryFails}). In a container, enable GPU access (docker run --gpus all), ${instead}`
}

/** Why LibTorch does not find the requested device. */
export function whyNoDevice(devices: number, driver: Driver, libtorch: Pick<Libtorch, 'version'>): string {
  if (devices > 0)
    return `LibTorch finds ${devices === 1 ? 'one CUDA device, cuda:0' : `${devices} CUDA devices, cuda:0 to cuda:${devices - 1}`}. Use ${devices === 1 ? 'that one' : 'one of these'}, ${instead}`
  const major = /\+cu(\d+)\d$/.exec(libtorch.version)?.[1]
  const least = major === undefined ? undefined : leastDrivers[major]
  if (driver.version !== undefined && least !== undefined && Number.parseInt(driver.version) < least)
    return `LibTorch ${libtorch.version} needs NVIDIA driver ${least} or newer, but this machine has ${driver.version}. Update the driver, set GOGEPO_LIBTORCH to a build for an older CUDA version, ${instead}`
  if (driver.visible !== undefined)
    return `LibTorch finds no CUDA device, and CUDA_VISIBLE_DEVICES is "${driver.visible}". Set it to a device that nvidia-smi lists, ${instead}`
  return `LibTorch ${libtorch.version} finds no CUDA device${driver.version === undefined ? '' : ` although NVIDIA driver ${driver.version} is installed`}. Check that nvidia-smi lists one, ${instead}`
}

export const cudaUnavailable = (wanted: string, why: string, cause?: unknown): GogepoError =>
  new GogepoError(
    'ERR_CUDA_UNAVAILABLE',
    `Device ${wanted} is not available: ${why}`,
    cause === undefined ? undefined : { cause },
  )
