/** Runs as people ask for them: start one, go on with one. */
import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { inWords, plainObject, requireArgument, text, whole, type Argument } from './arguments.js'
import type { CommandStrategy } from './command/strategy.js'
import { checkPreset, completeSettings, presets, type Preset, type Settings } from './config.js'
import type { EnvironmentFactory } from './env/environment.js'
import { findTask } from './env/find-task.js'
import { gymnasiumPrefix } from './env/gymnasium-task.js'
import { findPython } from './env/python.js'
import { spacesOf, type Task } from './env/task.js'
import { isModulePath } from './env/typescript-task.js'
import { GogepoError } from './errors.js'
import { Gogepo } from './gogepo.js'
import { cudaUse, openNative, type CudaUse, type EnvSpec, type Native, type TaskOptions } from './native.js'
import type { TrainEvent } from './report/reporter.js'
import type { Progress } from './checkpoint.js'
import { RunStore, type RunConfig, type Versions } from './run-store.js'
import { hasEnded, train, type TrainResult } from './trainer.js'
import { version } from './version.js'

/** Where a learner computes. Changes no result on one kind of device, but speed. */
export interface Place {
  /** auto, cpu, cuda or cuda:<i>; auto takes CUDA where it is. */
  device?: string | undefined
  /** Rollout workers; the number of cores when left out. */
  threads?: number | undefined
  /** Threads of the updates; the number of cores when left out. */
  torchThreads?: number | undefined
  /** The interpreter of a task in Python; GOGEPO_PYTHON, the active virtual environment's or python3 when left out. */
  python?: string | undefined
}

export const place = { device: text, threads: whole(1), torchThreads: whole(1), python: text } satisfies Record<
  keyof Place,
  Argument
>

/** What to train, and how. */
export interface RunOptions extends Place {
  /** Its id, alone or with options under Gymnasium's names; the path of a module that exports one; or what makes its environments. */
  task: string | EnvironmentFactory | { id: string; options?: TaskOptions | undefined }
  /** A whole number; one seed gives one result. 1 when left out. */
  seed?: number | undefined
  /** The budget in environment steps; the task's usual one when left out. */
  steps?: number | undefined
  /** Ends at the first evaluation whose mean, the full reward of an episode, reaches it. */
  stopAt?: number | undefined
  /** The folder; runs/<task>-s<seed>-<n> when left out. */
  run?: string | undefined
  /** A named choice of settings: docs/settings.md. The paper's when left out. */
  preset?: Preset | undefined
  /** Those to be other than the preset's: docs/settings.md. */
  settings?: Partial<Settings> | undefined
  /** Which return to ask for next (paper, section 4); the best so far + the setting drive when left out. No file holds it: `resume` needs it again. */
  strategy?: CommandStrategy | undefined
  /** Told of each event as it happens. What it throws ends the training. */
  onEvent?: ((event: TrainEvent) => void) | undefined
  /** Told when the folder is there, before the first step. */
  onStart?: ((start: RunStart) => void) | undefined
  /** Aborting it ends the training after the iteration under way, saved. */
  signal?: AbortSignal | undefined
}

/** A run as its training begins. */
export interface RunStart {
  /** Its folder. */
  run: string
  /** What config.json holds. */
  config: RunConfig
  /** Steps made in earlier sittings. */
  steps: number
  /** What the replay buffer will take when it is full. */
  fullBufferBytes: number
  /** Seconds of this sitting in each kind of work, so far. */
  secondsBy: () => Readonly<Record<string, number>>
}

/** How a run stands when its training has ended. */
export interface RunResult extends TrainResult {
  /** Its folder. */
  run: string
  task: string
  seed: number
  /** Nothing was done: the run had already reached its end. */
  alreadyFinished?: boolean
  /** Of the signal that interrupted it. */
  reason?: unknown
}

/** What a task itself says of the settings. */
const taskSettings = ({ returnMin, returnMax, evaluateEvery }: EnvSpec): Partial<Settings> => ({
  ...(!Number.isNaN(returnMin) && { returnMin }),
  ...(!Number.isNaN(returnMax) && { returnMax }),
  evaluateEvery,
})

/**
 * Trains from the start.
 * @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_SETTING, ERR_RUN, ERR_NOT_FINITE, ERR_DIVERGED and what opening the engine throws
 */
export async function startRun(options: RunOptions): Promise<RunResult> {
  const { device = 'auto', threads = availableParallelism(), torchThreads = availableParallelism(), seed = 1 } = options
  const preset = checkPreset(options.preset ?? 'paper')
  const native = openNative(device)
  const { id, options: taskOptions } = readTask(options.task)
  const task = await findTask(native, id, taskOptions, options.python)
  const settings = completeSettings(options.settings ?? {}, taskSettings(task.spec), presets[preset])
  const learner = new Gogepo({
    native,
    task,
    settings,
    seed,
    device,
    threads,
    torchThreads,
    ...(options.strategy && { strategy: options.strategy }),
  })
  let store: RunStore | undefined
  try {
    store = RunStore.create(options.run ?? freeFolder(task.spec.id, seed), {
      format: 1,
      task: task.name,
      ...(typeof id === 'function' && { ownTask: true }),
      taskOptions: task.options,
      ...(!native.envs().some((own) => own.id === task.name) && { spaces: spacesOf(task.spec) }),
      seed,
      steps: options.steps ?? task.spec.trainingSteps,
      stopAt: options.stopAt ?? null,
      preset,
      settings,
      device: learner.engine.device,
      ...cudaOf(native, learner.engine.device),
      threads,
      torchThreads,
      ...(options.python !== undefined && { python: findPython(options.python) }),
      versions: versionsOf(native, task),
      machine: {
        cpu: cpus()[0]?.model ?? 'unknown',
        cores: availableParallelism(),
        platform: `${process.platform}-${process.arch}`,
      },
      created: new Date().toISOString(),
      ...(options.strategy && { ownStrategy: true }),
    })
    return await drive(learner, store, options)
  } finally {
    learner.dispose()
    store?.close()
  }
}

/** @throws GogepoError ERR_ARGUMENT */
function readTask(task: RunOptions['task']): { id: string | EnvironmentFactory; options?: TaskOptions | undefined } {
  if (typeof task === 'string' || typeof task === 'function') return { id: task }
  if (typeof task !== 'object' || task === null)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `train: expected task to be an id, { id, options }, or what makes environments, got ${inWords(task)}.`,
    )
  const { id, options } = task
  requireArgument('train', 'task.id', text, id)
  if (options !== undefined) requireArgument('train', 'task.options', plainObject, options)
  return { id, options }
}

/** A task that a run cannot find again by itself: one given by a program, or a module that is elsewhere now. */
export interface TaskAgain {
  /** What makes its environments, or the path of the module. */
  task?: string | EnvironmentFactory | undefined
}

/** How to go on with a run. What is left out is as it was. */
export interface ResumeOptions extends Omit<RunOptions, 'task' | 'seed' | 'run' | 'preset' | 'settings'>, TaskAgain {
  /** Goes on although gogepo, LibTorch or MuJoCo are not those the run was made with; the numbers may then differ. Recorded. */
  allowVersionChange?: boolean | undefined
}

/**
 * Goes on from a run's last checkpoint, or from the start when it has none.
 * @param options.steps another budget; what the run was to stop at is then forgotten
 */
export async function resumeRun(folder: string, options: ResumeOptions = {}): Promise<RunResult> {
  const store = RunStore.open(folder)
  const { config } = store
  let learner: Gogepo | undefined
  try {
    store.claim()
    if (config.ownStrategy && !options.strategy)
      throw new GogepoError(
        'ERR_RUN',
        `${folder} was trained with a command strategy of its own, which no file holds. Give it again, from a program: resume('${folder}', { strategy })`,
      )
    if (options.strategy) config.ownStrategy = true
    learner = await makeLearner(config, options)
    const now = versionsOf(learner.options.native, learner.options.task)
    const last = store.checkpoints.list().at(-1) ?? 0
    if (!options.allowVersionChange) refuseOtherVersions(folder, config, now)
    else if (otherVersions(config, now) !== '')
      config.versionChanges = [...(config.versionChanges ?? []), { steps: last, versions: now }]
    if (options.steps !== undefined) config.steps = options.steps
    if (options.steps !== undefined || options.stopAt !== undefined) config.stopAt = options.stopAt ?? null
    store.writeConfig()

    const from = last > 0 ? store.checkpoints.load(learner, 'last', true) : undefined
    await store.rewind(from)
    return await drive(learner, store, options, from)
  } finally {
    learner?.dispose()
    store.close()
  }
}

const cudaOf = (native: Native, device: string): { cuda?: CudaUse } => {
  const cuda = cudaUse(native, device)
  return cuda === undefined ? {} : { cuda }
}

const versionsOf = (native: Native, task: Task): Versions => ({
  gogepo: version,
  ...native.versions,
  node: process.versions.node,
  ...task.versions,
})

/** In what the versions that last trained it differ from these, in words; Node's and Python's own change no number. */
function otherVersions(config: RunConfig, now: Versions): string {
  const then = config.versionChanges?.at(-1)?.versions ?? config.versions
  return (['gogepo', 'libtorch', 'mujoco', 'gymnasium', 'numpy'] as const)
    .filter((part) => then[part] !== now[part])
    .map((part) => `${part} ${then[part]}, now ${now[part]}`)
    .join('; ')
}

function refuseOtherVersions(folder: string, config: RunConfig, now: Versions): void {
  const difference = otherVersions(config, now)
  if (difference !== '')
    throw new GogepoError(
      'ERR_CHECKPOINT',
      `${folder} was made with other versions: ${difference}. Going on could change its numbers; to do so all the same: gogepo train --resume ${folder} --allow-version-change`,
    )
}

/** @throws GogepoError ERR_RUN, ERR_PYTHON when it is not found again; ERR_CHECKPOINT: what is wrong with another that config.json names is wrong in that file */
async function taskOf(native: Native, config: RunConfig, { task: again, python }: Place & TaskAgain): Promise<Task> {
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
      `The run was trained on ${task}, a task that a program gave and no file holds. Give it again: from a program with the option task, or from the command line with --task and a file that exports it.`,
    )
  try {
    return await findTask(native, task, taskOptions, python ?? config.python)
  } catch (error) {
    if (error instanceof GogepoError && (error.code === 'ERR_ENVIRONMENT' || error.code === 'ERR_PYTHON')) throw error
    if (error instanceof GogepoError && error.code === 'ERR_UNKNOWN_ENV' && config.task.startsWith(gymnasiumPrefix))
      throw new GogepoError(
        'ERR_RUN',
        `${error.message} The run was trained on it: work in the folder where that was done, or name the Python that has it with --python.`,
        { cause: error },
      )
    if (isModulePath(task))
      throw new GogepoError(
        'ERR_RUN',
        `${(error as Error).message} The run was trained on it: work in the folder where that was done, or say where the file is now: --task <file>`,
        { cause: error },
      )
    throw new GogepoError('ERR_CHECKPOINT', `The run's config.json is broken: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** A learner with a run's settings, in its first state. */
export async function makeLearner(
  config: RunConfig,
  place: Place & TaskAgain & { strategy?: CommandStrategy | undefined },
): Promise<Gogepo> {
  const device = place.device ?? config.device
  const native = openNative(device)
  const task = await taskOf(native, config, place)
  const spaces = spacesOf(task.spec)
  if (config.spaces !== undefined && config.spaces !== spaces)
    throw new GogepoError(
      'ERR_RUN',
      `${task.name} is no longer the task that the run was trained on: that had ${config.spaces}; now it has ${spaces}. Undo the change, or train anew.`,
    )
  return new Gogepo({
    native,
    task,
    settings: config.settings,
    seed: config.seed,
    device,
    threads: place.threads ?? config.threads,
    torchThreads: place.torchThreads ?? config.torchThreads,
    ...(place.strategy && { strategy: place.strategy }),
  })
}

async function drive(
  learner: Gogepo,
  store: RunStore,
  options: Pick<RunOptions, 'onEvent' | 'onStart' | 'signal'>,
  from?: Progress,
): Promise<RunResult> {
  const { config, folder } = store
  const alreadyFinished =
    from !== undefined && hasEnded(learner.history.steps, { budget: config.steps, stopAt: config.stopAt }, from)
  if (!alreadyFinished)
    options.onStart?.({
      run: folder,
      config,
      steps: learner.history.steps,
      fullBufferBytes: learner.fullBufferBytes,
      secondsBy: () => learner.seconds.total,
    })
  const result = await train({
    learner,
    store,
    onEvent: options.onEvent,
    budget: config.steps,
    stopAt: config.stopAt,
    evaluateEvery: config.settings.evaluateEvery,
    evaluationEpisodes: config.settings.evaluationEpisodes,
    checkpointEvery: config.settings.checkpointEvery,
    signal: options.signal ?? new AbortController().signal,
    ...(from && { from }),
  })
  return { run: folder, task: config.task, seed: config.seed, ...result, ...(alreadyFinished && { alreadyFinished }) }
}

/** runs/<task>-s<seed>-<n>, the first n that is free. */
function freeFolder(task: string, seed: number): string {
  for (let n = 1; ; n++) {
    const folder = join('runs', `${task}-s${seed}-${n}`)
    if (!existsSync(folder)) return folder
  }
}
