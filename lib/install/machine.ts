/** Whether this machine can run the binaries at all, found out before any of them is opened. */
import { existsSync } from 'node:fs'
import { GogepoError } from '../base/errors.js'
import { isClone } from '../base/package.js'
import { readManifest } from './binaries.js'

export interface Machine {
  platform: string
  arch: string
  /** The version of the C library; undefined where it is not glibc. */
  glibc: string | undefined
}

let known: Machine | undefined
function thisMachine(): Machine {
  if (known) return known
  const { platform, arch } = process
  return (known = { platform, arch, glibc: platform === 'linux' ? glibcVersion() : undefined })
}

function glibcVersion(): string | undefined {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean }
  const before = report.excludeNetwork ?? false
  report.excludeNetwork = true // looking up names may take seconds
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  report.excludeNetwork = before
  return header.glibcVersionRuntime
}

/** What LibTorch itself needs. */
const leastGlibc = '2.28'

/** @throws GogepoError ERR_PLATFORM, ERR_GLIBC */
export function refuseMachine(
  { platform, arch, glibc }: Machine = thisMachine(),
  needed = readManifest()?.needs.glibc ?? leastGlibc,
): void {
  if (platform !== 'linux' || arch !== 'x64' || glibc === undefined) {
    const here =
      platform === 'linux' && arch === 'x64' ? 'Linux x86-64 without glibc, such as Alpine' : `${platform} ${arch}`
    throw new GogepoError(
      'ERR_PLATFORM',
      `gogepo runs on Linux x86-64 with glibc only, because LibTorch is not built for others in this form, but this is ${here}. Use such a machine or a container image such as node:22-slim.`,
    )
  }
  const least = newer(needed, leastGlibc)
  if (newer(glibc, least) !== glibc)
    throw new GogepoError(
      'ERR_GLIBC',
      `gogepo and LibTorch need glibc ${least} or newer, but this system has ${glibc}. Use a newer system (Debian 10, Ubuntu 20.04 and RHEL 8 have it) or a container image such as node:22-slim${isClone ? '' : '; no other version of gogepo helps'}.`,
    )
}

/** The newer one of two versions. */
const newer = (a: string, b: string): string => (a.localeCompare(b, 'en', { numeric: true }) >= 0 ? a : b)

export const hasNvidiaDriver = (): boolean => {
  try {
    return existsSync('/proc/driver/nvidia/version')
  } catch {
    return false // a permission model may forbid the question
  }
}
