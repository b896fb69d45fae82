/** Training as a program sees it: a run under way, to be listened to, stopped and awaited. */
import {
  abortSignal,
  callback,
  either,
  finite,
  flag,
  plainObject,
  readOptions,
  refuseForeign,
  requireArgument,
  text,
  whole,
  type Argument,
} from './arguments.js'
import type { TrainEvent } from './report/reporter.js'
import { place, resumeRun, startRun, type ResumeOptions, type RunOptions, type RunResult } from './run.js'

/**
 * Trains a generator from the start (paper, Algorithm 1), in a new folder.
 *
 *     for await (const event of train({ task: 'InvertedPendulum-v5', seed: 1 })) if (event.type === 'evaluation') console.log(event.steps, event.mean)
 *
 * @throws (through `result`) GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_SETTING, ERR_ARGUMENT: from the options alone; ERR_RUN: the folder is taken;
 * ERR_NOT_FINITE, ERR_DIVERGED, ERR_ENVIRONMENT, ERR_PYTHON: during training, the last checkpoint is whole (the last two also before, where a task cannot be made); ERR_DISK_FULL;
 * ERR_MEMORY: the networks do not fit; ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON, ERR_CUDA_UNAVAILABLE: opening the engine
 */
export function train(options: RunOptions): Training {
  return new Training(async (listen) => {
    const read = readOptions('train', options, {
      ...goingOn,
      task: either(text, callback, plainObject),
      seed: whole(0),
      run: text,
      preset: text,
      settings: plainObject,
    })
    return startRun({ ...read, ...listen(read) })
  })
}

/**
 * Goes on with a run from its last checkpoint, bit for bit as if it had never stopped. A run that was trained with a command strategy of your own needs it again.
 * @param folder the run's, as `RunResult.run` says
 * @throws (through `result`) as `train`; ERR_RUN: it is no run, is being trained, or its own strategy is missing; ERR_CHECKPOINT: a file of
 * it is damaged, or was made with other versions
 */
export function resume(folder: string, options: ResumeOptions = {}): Training {
  return new Training(async (listen) => {
    requireArgument('resume', 'the folder', text, folder)
    const read = readOptions('resume', options, { ...goingOn, task: either(text, callback), allowVersionChange: flag })
    return resumeRun(folder, { ...read, ...listen(read) })
  })
}

/** What train and resume have in common. */
const goingOn = {
  ...place,
  steps: whole(1),
  stopAt: finite,
  strategy: callback,
  onEvent: callback,
  onStart: callback,
  signal: abortSignal,
} satisfies Record<string, Argument>

type Listening = Pick<RunOptions, 'onEvent' | 'signal'>

/**
 * A run under way. Iterate over it for its events, from the moment one begins; leaving the loop early stops it. Or give `onEvent`. It trains at its own
 * speed, whether anybody listens or not. `await using` stops it at the end of the block.
 */
export class Training implements AsyncIterable<TrainEvent>, AsyncDisposable {
  static {
    refuseForeign(Training, (value) => #ended in value)
  }

  readonly #controller = new AbortController()
  readonly #listeners = new Set<(event: TrainEvent) => void>()
  readonly #ended: Promise<RunResult>
  #awaited = false // somebody else will hear of a failure

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
  }

  /** How it ended: `interrupted` when it was stopped or aborted, and saved all the same, with the signal's `reason`. Rejects with what went wrong. */
  get result(): Promise<RunResult> {
    this.#awaited = true
    return this.#ended
  }

  /** Asks for an end after the iteration under way; it is saved, and `result` then settles. */
  stop(): void {
    this.#controller.abort()
  }

  /** Its events from now on. Leaving the loop early stops the training and waits until it is saved. Throws what `result` rejects with. */
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
      if (!this.#awaited) throw error
    }
  }
}

/** Not enumerable: a result is written as JSON, and a reason may be anything. */
const because = (result: RunResult, reason: unknown): RunResult =>
  Object.defineProperty(result, 'reason', { value: reason })
