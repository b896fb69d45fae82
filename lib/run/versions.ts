/** The versions that compute a run, and whether a run may be resumed by others. */
import { GogepoError } from '../base/errors.js'
import { version } from '../base/package.js'
import type { Task } from '../env/task.js'
import type { Native } from '../native/contract.js'
import { lastVersions, type RunConfig, type Versions } from './config.js'

export const versionsOf = (native: Native, task: Task): Versions => ({
  gogepo: version,
  ...native.versions,
  node: process.versions.node,
  ...task.versions,
})

/** How these versions differ from those that last trained the run, in words. Node's and Python's own versions change no result. */
export function versionDifference(config: RunConfig, now: Versions): string {
  const then = lastVersions(config)
  return (['gogepo', 'libtorch', 'mujoco', 'gymnasium', 'numpy'] as const)
    .filter((part) => then[part] !== now[part])
    .map((part) => `${part} ${then[part]}, now ${now[part]}`)
    .join('; ')
}

/** @throws GogepoError ERR_CHECKPOINT */
export function refuseOtherVersions(folder: string, config: RunConfig, now: Versions): void {
  const difference = versionDifference(config, now)
  if (difference !== '')
    throw new GogepoError(
      'ERR_CHECKPOINT',
      `${folder} was made with other versions: ${difference}. Resuming could change its results; to resume anyway: gogepo train --resume ${folder} --allow-version-change`,
    )
}
