/** Starts a training run in a new folder. */
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { settingsFor, type Algorithm } from '../algorithms/algorithm.js'
import { isNamed, type CommandStrategy, type NamedStrategy } from '../algorithms/commands.js'
import { algorithms, findAlgorithm, findPreset } from '../algorithms/registry.js'
import { requireArgument } from '../base/arguments.js'
import { availableCpus } from '../base/cpus.js'
import { GogepoError } from '../base/errors.js'
import { plainObject, text } from '../base/values.js'
import { describe } from '../base/words.js'
import type { EnvironmentFactory } from '../env/environment.js'
import { findTask } from '../env/find-task.js'
import { showTaskOptions } from '../env/task-options.js'
import { spacesOf } from '../env/task.js'
import type { TaskOptions } from '../native/contract.js'
import { cudaUse, openNative } from '../native/open.js'
import type { Reporter, RunEnd, RunStart } from '../report/reporter.js'
import type { SettingValues } from '../settings/setting.js'
import type { TrainEvent } from '../train/events.js'
import { Session } from '../train/session.js'
import { isFinished, train, type Progress, type TrainResult } from '../train/trainer.js'
import { RunFolder } from './folder.js'
import type { Compute } from './compute.js'
import { versionsOf } from './versions.js'

/** What to train, and how; `train` gives `algorithm` and `settings` narrower types. */
export interface StartOptions extends Compute {
  /** The task's id, alone or with options under Gymnasium's names; the path of a module that exports one; or what makes its environments. */
  task: string | EnvironmentFactory | { id: string; options?: TaskOptions | undefined }
  /** A name, or an algorithm of your own; gogepo when left out. No file holds an algorithm of your own: `resume` needs it again. */
  algorithm?: string | Algorithm | undefined
  /** A whole number; one seed gives one result. 1 when left out. */
  seed?: number | undefined
  /** The budget in environment steps; the task's usual one when left out. */
  steps?: number | undefined
  /** Ends at the first evaluation whose mean, the full reward of an episode, reaches it. */
  stopAt?: number | undefined
  /** The folder; runs/<task>-s<seed>-<n> when left out. */
  run?: string | undefined
  /** A named choice of settings: docs/settings.md. The algorithm's first preset when left out. */
  preset?: string | undefined
  /** Settings that override the preset: docs/settings.md. */
  settings?: SettingValues | undefined
  /** Switches learning off, to see how much of a result is learned: the same run without updates. */
  control?: boolean | undefined
  /**
   * Which return to command next (paper, section 4); the setting `strategy` when left out. One of the strategies that come with gogepo
   * is recorded as that setting. No file holds a function of your own: `resume` needs it again.
   */
  strategy?: CommandStrategy | NamedStrategy | undefined
  /** Called with each event as it happens. What it throws ends the training. */
  onEvent?: ((event: TrainEvent) => void) | undefined
  reporters?: readonly Reporter[] | undefined
  /** Aborting it ends the training after the current iteration, saved. */
  signal?: AbortSignal | undefined
}

/** A run after its training has ended. */
export interface RunResult extends TrainResult {
  /** Its folder. */
  run: string
  algorithm: string
  task: string
  seed: number
  /** Nothing was done: the run had already reached its end. */
  alreadyFinished?: boolean
  /** The reason of the signal that interrupted it. */
  reason?: unknown
}

/**
 * Trains from the start.
 * @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_SETTING, ERR_RUN, ERR_NOT_FINITE, ERR_DIVERGED and what opening the native side throws
 */
export async function startRun(options: StartOptions): Promise<RunResult> {
  const cpuCount = availableCpus()
  const { device = 'auto', threads = cpuCount, torchThreads = cpuCount, seed = 1, control = false } = options
  const algorithm = readAlgorithm(options.algorithm)
  const { strategy, setting } = readStrategy(options.strategy, algorithm)
  const preset = findPreset(algorithm, options.preset)
  const native = openNative(device)
  const { id, options: taskOptions } = readTask(options.task)
  const task = await findTask(native, id, taskOptions, options)
  const settings = settingsFor(algorithm, task.spec, { given: { ...options.settings, ...setting }, preset, control })
  const session = new Session({ native, algorithm, task, settings, seed, device, threads, torchThreads, strategy })
  let folder: RunFolder | undefined
  try {
    const cuda = cudaUse(native, session.device.name)
    folder = RunFolder.create(
      options.run ?? freeFolder(task.spec.id, algorithm.name, seed),
      {
        format: 2,
        algorithm: algorithm.name,
        ...(!algorithms.includes(algorithm) && { ownAlgorithm: true }),
        task: task.name,
        ...(typeof id === 'function' && { ownTask: true }),
        taskOptions: task.options,
        ...(!native.envs().some((own) => own.id === task.name) && { spaces: spacesOf(task.spec) }),
        seed,
        steps: options.steps ?? task.spec.trainingSteps,
        stopAt: options.stopAt ?? null,
        preset,
        settings,
        device: session.device.name,
        ...(cuda && { cuda }),
        threads,
        torchThreads,
        ...(task.python !== undefined && { python: task.python }),
        versions: versionsOf(native, task),
        machine: {
          cpu: cpus()[0]?.model ?? 'unknown',
          cores: cpuCount,
          platform: `${process.platform}-${process.arch}`,
        },
        created: new Date().toISOString(),
        ...(strategy && { ownStrategy: true }),
      },
      algorithm,
    )
    return await drive(session, folder, options)
  } finally {
    session.dispose()
    folder?.close()
  }
}

/** A strategy that comes with gogepo becomes a setting; any other function is handed on. */
export function readStrategy(
  given: CommandStrategy | NamedStrategy | undefined,
  { settings }: Algorithm,
): { strategy?: CommandStrategy | undefined; setting: SettingValues } {
  return given !== undefined && isNamed(given) && Object.hasOwn(settings, 'strategy')
    ? { setting: { strategy: given.text } }
    : { strategy: given, setting: {} }
}

/** @throws GogepoError ERR_SETTING */
function readAlgorithm(algorithm: string | Algorithm = algorithms[0]!): Algorithm {
  return typeof algorithm === 'string' ? findAlgorithm(algorithm) : algorithm
}

/** @throws GogepoError ERR_ARGUMENT */
function readTask(task: StartOptions['task']): { id: string | EnvironmentFactory; options?: TaskOptions | undefined } {
  if (typeof task === 'string' || typeof task === 'function') return { id: task }
  if (typeof task !== 'object' || task === null)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `train: expected task to be an id, { id, options }, or what makes environments, got ${describe(task)}.`,
    )
  const { id, options } = task
  requireArgument('train', 'task.id', text, id)
  if (options !== undefined) requireArgument('train', 'task.options', plainObject, options)
  return { id, options }
}

/** Trains a session to the end of its run. */
export async function drive(
  session: Session,
  folder: RunFolder,
  {
    onEvent,
    reporters = [],
    signal = new AbortController().signal,
  }: Pick<StartOptions, 'onEvent' | 'reporters' | 'signal'>,
  from?: Progress,
): Promise<RunResult> {
  const { config, path } = folder
  const end = { budget: config.steps, stopAt: config.stopAt }
  const alreadyFinished = from !== undefined && isFinished(session.history.steps, end, from)
  const start = startOf(session, folder)
  if (!alreadyFinished) for (const reporter of reporters) reporter.start(start)
  let how: RunEnd = 'failed'
  try {
    const result = await train({
      session,
      journal: folder,
      onEvent: (event) => {
        onEvent?.(event)
        for (const reporter of reporters) reporter.event(event)
      },
      ...end,
      signal,
      ...(from && { from }),
    })
    folder.addPhases(result.secondsBy)
    if (!result.interrupted) await folder.correctBest(session, signal)
    how = result.interrupted ? 'interrupted' : 'finished'
    const { algorithm, task, seed } = config
    return { run: path, algorithm, task, seed, ...result, ...(alreadyFinished && { alreadyFinished }) }
  } finally {
    if (!alreadyFinished) await Promise.all(reporters.map(async (reporter) => reporter.end(how)))
  }
}

function startOf(session: Session, { config, path }: RunFolder): RunStart {
  const { algorithm, task, taskOptions, seed, device, steps: budget, settings } = config
  return {
    run: path,
    algorithm,
    task,
    taskOptions: showTaskOptions(taskOptions),
    seed,
    device,
    budget,
    steps: session.history.steps,
    settings,
    fullBufferBytes: session.learner.memory().fullBuffer,
    bufferPer: session.log?.per ?? 'episode',
    maxEpisodeSteps: session.options.task.spec.maxEpisodeSteps,
    secondsBy: () => session.stopwatch.total,
  }
}

/** The first of runs/<task>-s<seed>-<n> that is free; with another algorithm than gogepo its name follows the task's. */
function freeFolder(task: string, algorithm: string, seed: number): string {
  const name = algorithm === algorithms[0]!.name ? task : `${task}-${algorithm}`
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-s${seed}-${n}`)
    if (!existsSync(folder)) return folder
  }
}
