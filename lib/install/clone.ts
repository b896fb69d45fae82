/** What `npm run setup` needs in a clone: a LibTorch with headers, and MuJoCo. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cachedMujoco, findMujoco } from './mujoco.js'
import { findLibtorch, searchLibtorch, type Libtorch, type Wanted } from './libtorch.js'
import { lockFolder } from './lock.js'
import { mujocoPin, pinnedMinors } from './pins.js'
import { install, planSetup, type Doing } from './setup.js'
import { openWheel } from './sources.js'
import { finish, openStaging } from './staging.js'
import { unpack } from './unpack.js'

const toBuild: Wanted = { minors: pinnedMinors, headers: true }

export { findMujoco }

export const findToBuild = (): Libtorch | undefined => searchLibtorch(undefined, process.env, toBuild).libtorch

/** A LibTorch to build with; fetches one into the cache if there is none. */
export async function installToBuild(how: Doing = {}): Promise<Libtorch> {
  const found = findToBuild()
  if (found) return found
  await install(planSetup({ kind: 'build' }, process.env, { minors: pinnedMinors }), how, pinnedMinors)
  return findLibtorch(undefined, process.env, toBuild)
}

/** The pinned LibTorch of this minor version, wherever else there may be one. */
export const installPinned = (version: string, how: Doing = {}): Promise<Libtorch> =>
  install(planSetup({ kind: 'build', version }, process.env, { minors: pinnedMinors }), how, pinnedMinors)

/** The folder of MuJoCo's headers and library; fetches them into the cache if they are missing. */
export async function installMujoco({ waiting = () => {}, ...how }: Doing = {}): Promise<string> {
  const target = cachedMujoco(process.env)
  if (!process.env['GOGEPO_MUJOCO'] && !hasLicenses(target)) {
    const unlock = await lockFolder(dirname(target), waiting, how.signal)
    try {
      if (!hasLicenses(target)) await fetchMujoco(target, how)
    } finally {
      unlock()
    }
  }
  return findMujoco()
}

/** A release contains MuJoCo with its licenses, which older versions of this setup did not keep. */
const hasLicenses = (target: string): boolean =>
  existsSync(target) && readdirSync(target).some((name) => name.endsWith('.dist-info'))

async function fetchMujoco(target: string, how: Doing): Promise<void> {
  const staging = openStaging(dirname(target), mujocoPin.file)
  const wanted = /^mujoco\/(include\/|libmujoco\.so\.)|^mujoco-[^/]*\.dist-info\/.*LICENSE/
  const place = (name: string): string | undefined => (wanted.test(name) ? name : undefined)
  const { what, zip } = await openWheel(mujocoPin, { from: 'pip' }, join(staging, 'wheels'), false, place, how)
  const unpacked = join(staging, 'unpacked')
  mkdirSync(unpacked, { recursive: true })
  await unpack(zip, what, unpacked, place, new Map(), how)
  zip.close()
  finish(staging, unpacked, target)
}
