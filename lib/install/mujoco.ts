/** Finds MuJoCo's library: an installed package brings it along, a clone has it in the cache. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { isClone } from '../base/package.js'
import { cacheFolder, type Environment } from './cache.js'
import type { SearchedPlace } from './libtorch.js'
import { mujocoVersion } from './pins.js'

export { mujocoVersion }
export const mujocoLibrary = `libmujoco.so.${mujocoVersion}`
export const cachedMujoco = (env: Environment): string => join(cacheFolder(env), 'mujoco', mujocoVersion)

/** How to get a MuJoCo that is missing. */
export const mujocoFix = isClone ? 'Fetch it with: npm run setup' : 'Reinstall gogepo, which contains it.'

/**
 * Searches for MuJoCo's library, in this order: GOGEPO_MUJOCO, which must be usable if it is set; `beside`, where an
 * installed package has it; the cache.
 */
export function lookForMujoco(
  beside?: string,
  env: Environment = process.env,
): { folder: string | undefined; places: SearchedPlace[]; refused?: GogepoError } {
  const named = env['GOGEPO_MUJOCO']
  const places: SearchedPlace[] = []
  for (const [from, path] of [
    ['GOGEPO_MUJOCO', named && resolve(named)],
    ['beside the addon', beside],
    ['the cache', join(cachedMujoco(env), 'mujoco')],
  ] as const) {
    const there = path !== undefined && path !== '' && existsSync(join(path, mujocoLibrary))
    places.push({
      from,
      path: path ?? '',
      found: there ? `MuJoCo ${mujocoVersion}` : path ? `no ${mujocoLibrary}` : 'not set',
    })
    if (there) return { folder: path, places }
    if (path && from === 'GOGEPO_MUJOCO')
      return {
        folder: undefined,
        places,
        refused: new GogepoError(
          'ERR_SETUP',
          `GOGEPO_MUJOCO is ${named}, which does not contain ${mujocoLibrary}. Set it to the folder that contains this library and include/, or unset it.`,
        ),
      }
  }
  return { folder: undefined, places }
}

/** The folder that contains MuJoCo's library and, if it came from a wheel, include/. @throws GogepoError ERR_SETUP */
export function findMujoco(beside?: string, env: Environment = process.env): string {
  const { folder, places, refused } = lookForMujoco(beside, env)
  if (folder) return folder
  throw (
    refused ??
    new GogepoError(
      'ERR_SETUP',
      [
        `MuJoCo's ${mujocoLibrary} was not found. Places searched:`,
        ...places.filter(({ path }) => path).map(({ path }) => `  ${path}`),
        mujocoFix,
      ].join('\n'),
    )
  )
}
