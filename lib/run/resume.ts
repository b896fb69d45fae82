/** Resumes a run, and restores its session for other uses. */
import { existsSync } from 'node:fs'
import { tableOf, type Algorithm } from '../algorithms/algorithm.js'
import type { CommandStrategy } from '../algorithms/commands.js'
import { GogepoError, hasCode } from '../base/errors.js'
import type { EnvironmentFactory } from '../env/environment.js'
import { findTask } from '../env/find-task.js'
import { gymnasiumPrefix } from '../env/gymnasium-task.js'
import { spacesOf, type Task } from '../env/task.js'
import { isModulePath } from '../env/typescript-task.js'
import type { Native } from '../native/contract.js'
import { openNative } from '../native/open.js'
import type { SettingValues } from '../settings/setting.js'
import { Session } from '../train/session.js'
import type { Compute } from './compute.js'
import { checkedSettings, type RunConfig } from './config.js'
import { RunFolder } from './folder.js'
import { drive, readStrategy, type RunResult, type StartOptions } from './start.js'
import { refuseOtherVersions, versionDifference, versionsOf } from './versions.js'

/** What must be passed again, because the run's folder does not contain it. */
export interface Again {
  /** The task: the factory of its environments, or the path of its module if that has moved. */
  task?: string | EnvironmentFactory | undefined
  /** The user-defined algorithm that the run was trained with. */
  algorithm?: Algorithm | undefined
}

interface TaskAgain extends Compute, Again {
  /** Aborting it ends Python processes that do not answer. */
  signal?: AbortSignal | undefined
}

/** How to resume a run. What is left out stays as it was. */
export interface ResumeOptions
  extends Omit<StartOptions, 'task' | 'algorithm' | 'seed' | 'run' | 'preset' | 'settings' | 'control'>, Again {
  /** Settings of scope schedule or compute: docs/settings.md. */
  settings?: SettingValues | undefined
  /**
   * Resumes although gogepo, LibTorch or MuJoCo have other versions than before; the results may then differ. Recorded.
   */
  allowVersionChange?: boolean | undefined
}

/**
 * Continues from a run's last checkpoint, or from the start when it has none.
 * @param options.steps another budget; stopAt is then forgotten unless given as well
 */
export async function resumeRun(path: string, options: ResumeOptions = {}): Promise<RunResult> {
  const folder = RunFolder.open(path, options.algorithm)
  const { config } = folder
  let session: Session | undefined
  try {
    folder.claim()
    if (config.ownStrategy && !options.strategy)
      throw new GogepoError(
        'ERR_RUN',
        `${path} was trained with a user-defined command strategy, which no file contains. Pass it again, from a program: resume('${path}', { strategy })`,
      )
    const { strategy, setting } = config.ownStrategy
      ? { strategy: options.strategy, setting: {} }
      : readStrategy(options.strategy, folder.algorithm)
    if (strategy) config.ownStrategy = true
    const changes = { ...options.settings, ...(setting['strategy'] !== config.settings['strategy'] && setting) }
    if (Object.keys(changes).length > 0) config.settings = changedSettings(folder, changes)
    session = await makeSession(folder, { ...options, strategy })
    const now = versionsOf(session.options.native, session.options.task)
    const last = folder.checkpoints.list().at(-1)
    if (!options.allowVersionChange) refuseOtherVersions(path, config, now)
    else if (versionDifference(config, now) !== '')
      config.versionChanges = [...(config.versionChanges ?? []), { steps: last ?? 0, versions: now }]
    if (options.steps !== undefined) config.steps = options.steps
    if (options.steps !== undefined || options.stopAt !== undefined) config.stopAt = options.stopAt ?? null
    folder.writeConfig()

    const loaded = last !== undefined ? folder.load(session, 'last', true) : undefined
    await folder.rewind(loaded)
    return await drive(session, folder, options, loaded?.progress)
  } finally {
    session?.dispose()
    folder.close()
  }
}

/**
 * The run's settings with some changed.
 * @throws GogepoError ERR_SETTING when one of them is part of the run's identity
 */
function changedSettings({ path, config, algorithm }: RunFolder, given: SettingValues): SettingValues {
  const settings = checkedSettings(algorithm, { ...config.settings, ...given })
  const table = tableOf(algorithm)
  const fixed = Object.keys(given).find((name) => table[name]?.scope === 'method')
  if (fixed !== undefined)
    throw new GogepoError(
      'ERR_SETTING',
      `Setting ${fixed}: it is part of what ${path} is, and cannot change when the run is resumed. Train a new run with it.`,
    )
  return settings
}

/**
 * A session with a run's settings, in its initial state.
 * @throws GogepoError ERR_RUN, ERR_CHECKPOINT, ERR_ARGUMENT, ERR_ENVIRONMENT, ERR_PYTHON
 */
export async function makeSession(
  { config, algorithm }: RunFolder,
  options: TaskAgain & { strategy?: CommandStrategy | undefined },
): Promise<Session> {
  const device = options.device ?? config.device
  const native = openNative(device)
  const task = await taskOf(native, config, options)
  const spaces = spacesOf(task.spec)
  if (config.spaces !== undefined && config.spaces !== spaces)
    throw new GogepoError(
      'ERR_RUN',
      `${task.name} is no longer the task that the run was trained on: it had ${config.spaces}; now it has ${spaces}. Undo the change, or train a new run.`,
    )
  const { threads = config.threads, torchThreads = config.torchThreads, strategy } = options
  const { settings, seed } = config
  return new Session({ native, algorithm, task, settings, seed, device, threads, torchThreads, strategy })
}

/** The run's task. If a native task of this name does not exist, config.json is to blame. */
async function taskOf(native: Native, config: RunConfig, { task: again, python, signal }: TaskAgain): Promise<Task> {
  const { task, taskOptions, ownTask } = config
  if (again !== undefined && (ownTask || isModulePath(task))) return findTask(native, again)
  if (again !== undefined)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `The run was trained on ${task}, which is found by its name; leave the task out.`,
    )
  if (ownTask)
    throw new GogepoError(
      'ERR_RUN',
      `The run was trained on ${task}, a task that a program passed and no file contains. Pass it again: from a program with the option task, or on the command line with --task and a file that exports it.`,
    )
  if (python === undefined && config.python?.includes('/') && !existsSync(config.python))
    throw new GogepoError(
      'ERR_PYTHON',
      `The run was trained with ${config.python}, but there is no such file now. Name the interpreter with --python.`,
    )
  try {
    return await findTask(native, task, taskOptions, { python: python ?? config.python, signal })
  } catch (error) {
    if (hasCode(error, 'ERR_ENVIRONMENT', 'ERR_PYTHON', 'ERR_INTERRUPTED')) throw error
    if (hasCode(error, 'ERR_UNKNOWN_ENV') && config.task.startsWith(gymnasiumPrefix))
      throw new GogepoError(
        'ERR_RUN',
        `${error.message} The run was trained on this task: run the command in the folder where that was done, or select the Python that has the task with --python.`,
        { cause: error },
      )
    if (isModulePath(task))
      throw new GogepoError(
        'ERR_RUN',
        `${(error as Error).message} The run was trained on this task: run the command in the folder where that was done, or pass the file’s new location with --task <file>`,
        { cause: error },
      )
    throw new GogepoError('ERR_CHECKPOINT', `The run's config.json is broken: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
