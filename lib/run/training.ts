/** Training as a program sees it: a run in progress, to listen to, stop and await. */
import type { Algorithm } from '../algorithms/algorithm.js'
import type { ArsSettings } from '../algorithms/ars.js'
import type { EsSettings } from '../algorithms/es.js'
import type { SacSettings } from '../algorithms/sac.js'
import type { Td3Settings } from '../algorithms/td3.js'
import type { GogepoSettings } from '../algorithms/gogepo.js'
import type { PgpeSettings } from '../algorithms/pgpe.js'
import type { PssvfSettings } from '../algorithms/pssvf.js'
import type { UdrlSettings } from '../algorithms/udrl.js'
import type { UdrlpgSettings } from '../algorithms/udrlpg.js'
import { readOptions, refuseForeign, requireArgument } from '../base/arguments.js'
import { GogepoError, hasCode } from '../base/errors.js'
import {
  abortSignal,
  callback,
  either,
  finite,
  flag,
  list,
  plainObject,
  text,
  whole,
  type ValueType,
} from '../base/values.js'
import type { CommonSettings } from '../settings/common.js'
import type { Reporter } from '../report/reporter.js'
import type { SettingsOf } from '../settings/setting.js'
import type { TrainEvent } from '../train/events.js'
import { computeOptions } from './compute.js'
import { resumeRun, type ResumeOptions } from './resume.js'
import { startRun, type RunResult, type StartOptions } from './start.js'

/** The settings of the algorithms that come with gogepo, by name. */
export interface AlgorithmSettings {
  gogepo: GogepoSettings
  ars: ArsSettings
  es: EsSettings
  pgpe: PgpeSettings
  pssvf: PssvfSettings
  udrlpg: UdrlpgSettings
  udrl: UdrlSettings
  ddpg: Td3Settings
  td3: Td3Settings
  sac: SacSettings
}

/** The settings of an algorithm, given by name or as an object. */
export type SettingsFor<A> = A extends keyof AlgorithmSettings
  ? AlgorithmSettings[A]
  : A extends Algorithm<infer T>
    ? SettingsOf<T> & CommonSettings
    : never

/** What to train, and how. */
export interface RunOptions<A = 'gogepo'> extends Omit<StartOptions, 'algorithm' | 'settings'> {
  /**
   * Its name, or an algorithm of your own; gogepo when left out. No file contains an algorithm of your own: `resume`
   * needs it again.
   */
  algorithm?: A | undefined
  /** Settings that override the preset: docs/settings.md. */
  settings?: Partial<SettingsFor<A>> | undefined
}

/**
 * Trains from the start (paper, Algorithm 1), in a new folder.
 *
 *     for await (const event of train({ task: 'InvertedPendulum-v5', seed: 1 }))
 *       if (event.type === 'evaluation') console.log(event.steps, event.mean)
 *
 * @throws (through `result`) GogepoError. From the options alone: ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_SETTING,
 * ERR_ARGUMENT. ERR_RUN: the folder is taken. While a task is made or during training: ERR_ENVIRONMENT, ERR_PYTHON.
 * During training, with an intact last checkpoint: ERR_NOT_FINITE, ERR_DIVERGED, ERR_DISK_FULL, ERR_FILE. ERR_MEMORY:
 * the networks do not fit. While the native side is opened: ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON,
 * ERR_CUDA_UNAVAILABLE.
 */
export function train<A extends keyof AlgorithmSettings | Algorithm = 'gogepo'>(options: RunOptions<A>): Training {
  return new Training(async (listen) => {
    const read = readOptions<RunOptions<A>>('train', options, {
      ...shared,
      task: either(text, callback, plainObject),
      algorithm: either(text, plainObject),
      seed: whole(0),
      run: text,
      preset: text,
      control: flag,
      settings: plainObject,
    })
    if (typeof read.algorithm === 'object') requireAlgorithm('train', read.algorithm)
    return startRun({ ...(read as StartOptions), ...listen(read as StartOptions) })
  })
}

/**
 * Continues a run from its last checkpoint, bit for bit as if it had never stopped. A run with a command strategy or an
 * algorithm of your own needs it again.
 * @param folder the run's, as `RunResult.run` gives it
 * @throws (through `result`) as `train`; ERR_RUN: it is not a run, is being trained, or something of your own is
 * missing; ERR_CHECKPOINT: one of its files is damaged, or it was made with other versions
 */
export function resume(folder: string, options: ResumeOptions = {}): Training {
  return new Training(async (listen) => {
    requireArgument('resume', 'the folder', text, folder)
    const read = readOptions('resume', options, {
      ...shared,
      task: either(text, callback),
      algorithm: plainObject,
      settings: plainObject,
      allowVersionChange: flag,
    })
    if (read.algorithm !== undefined) requireAlgorithm('resume', read.algorithm)
    return resumeRun(folder, { ...read, ...listen(read) })
  })
}

const reporters: ValueType<readonly Reporter[]> = {
  ...list,
  expected: 'an array of objects with the functions start, event and end',
  fits: (value): value is readonly Reporter[] =>
    Array.isArray(value) &&
    value.every(
      (one: unknown) =>
        plainObject.fits(one) &&
        ['start', 'event', 'end'].every((method) => callback.fits((one as Record<string, unknown>)[method])),
    ),
}

/** The options that train and resume share. */
const shared = {
  ...computeOptions,
  steps: whole(1),
  stopAt: finite,
  strategy: {
    ...callback,
    expected: 'a function, such as strategies.best (a text such as "best+20" goes into settings.strategy)',
  },
  onEvent: callback,
  reporters,
  signal: abortSignal,
} satisfies Record<string, ValueType<unknown>>

const valueTypeOfSetting: ValueType<object> = {
  ...plainObject,
  expected: 'a type, such as values.real(0, 1)',
  fits: (value): value is object => {
    if (!plainObject.fits(value)) return false
    const { expected, fits } = value as Partial<ValueType<unknown>>
    return text.fits(expected) && callback.fits(fits)
  },
}

/** @throws GogepoError ERR_ARGUMENT when it lacks what every algorithm must have */
export function requireAlgorithm(where: string, algorithm: Algorithm): void {
  const parts: Record<keyof Algorithm, ValueType<unknown>> = {
    name: text,
    summary: text,
    paper: text,
    settings: plainObject,
    presets: plainObject,
    metrics: plainObject,
    phases: list,
    takesCommands: flag,
    check: callback,
    control: plainObject,
    create: callback,
  }
  for (const [name, type] of Object.entries(parts) as [keyof Algorithm, ValueType<unknown>][])
    if ((name !== 'check' && name !== 'control') || algorithm[name] !== undefined)
      requireArgument(where, `algorithm.${name}`, type, algorithm[name])
  if (!/^[\w-]+$/.test(algorithm.name))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `${where}: expected algorithm.name to be a word of letters, digits, - and _, got "${algorithm.name}".`,
    )
  if (Object.keys(algorithm.presets).length === 0)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `${where}: expected algorithm.presets to have at least one preset, such as default: { help: '…', settings: {} }.`,
    )
  for (const [name, preset] of Object.entries(algorithm.presets)) {
    requireArgument(where, `algorithm.presets.${name}`, plainObject, preset)
    requireArgument(where, `algorithm.presets.${name}.settings`, either(plainObject, callback), preset.settings)
  }
  for (const [name, help] of Object.entries(algorithm.metrics))
    requireArgument(where, `algorithm.metrics.${name}`, text, help)
  for (const phase of algorithm.phases) requireArgument(where, 'each of algorithm.phases', text, phase)
  for (const [name, setting] of Object.entries(algorithm.settings)) {
    requireArgument(where, `algorithm.settings.${name}`, plainObject, setting)
    requireArgument(where, `algorithm.settings.${name}.type`, valueTypeOfSetting, setting.type)
  }
}

type Listening = Pick<StartOptions, 'onEvent' | 'signal'>

/**
 * A run in progress. Iterate over it to receive its events from then on; leaving the loop early stops it. Or pass
 * `onEvent`. It trains at its own speed, whether anything listens or not. `await using` stops it at the end of the
 * block.
 */
export class Training implements AsyncIterable<TrainEvent>, AsyncDisposable {
  static {
    refuseForeign(Training, (value) => #ended in value)
  }

  readonly #controller = new AbortController()
  readonly #listeners = new Set<(event: TrainEvent) => void>()
  readonly #ended: Promise<RunResult>
  #awaited = false // if true, the caller receives a failure there

  /** @internal */
  constructor(begin: (listen: (asked: Listening) => Required<Listening>) => Promise<RunResult>) {
    let asked: AbortSignal | undefined
    this.#ended = begin(({ onEvent, signal }) => {
      asked = signal
      if (onEvent) this.#listeners.add(onEvent)
      const own = this.#controller.signal
      return {
        signal: signal ? AbortSignal.any([signal, own]) : own,
        onEvent: (event) => {
          for (const listener of this.#listeners) listener(event)
        },
      }
    }).then((result) => (result.interrupted && asked?.aborted ? because(result, asked.reason) : result))
    this.#ended.catch(() => {}) // a program may await something else before it looks at the result
  }

  /**
   * How it ended. A run that was stopped or aborted is saved and resolves as `interrupted`, with the signal's `reason`.
   * Rejects with what went wrong; with ERR_INTERRUPTED if it was stopped before it had begun.
   */
  get result(): Promise<RunResult> {
    this.#awaited = true
    return this.#ended
  }

  /** Stops after the current iteration. The run is saved, and `result` then settles. */
  stop(): void {
    this.#controller.abort()
  }

  /**
   * Its events from now on. Leaving the loop early stops the training and waits until it is saved. Throws what `result`
   * rejects with.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<TrainEvent, void, undefined> {
    this.#awaited = true
    const waiting: TrainEvent[] = []
    let ended = false
    let wake = (): void => {}
    const listen = (event: TrainEvent): void => {
      waiting.push(event)
      wake()
    }
    const end = (): void => {
      ended = true
      wake()
    }
    this.#listeners.add(listen)
    this.#ended.then(end, end)
    try {
      for (;;) {
        yield* waiting.splice(0)
        if (waiting.length > 0) continue
        if (ended) return
        await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      this.#listeners.delete(listen)
      this.stop()
      await this.#ended
    }
  }

  /** Stops it, and waits until it is saved. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    try {
      await this.#ended
    } catch (error) {
      if (!this.#awaited && !hasCode(error, 'ERR_INTERRUPTED')) throw error
    }
  }
}

/** Not enumerable: results are written as JSON, and a reason may be anything. */
const because = (result: RunResult, reason: unknown): RunResult =>
  Object.defineProperty(result, 'reason', { value: reason })
