/** The interface of whatever shows or records a training run as it goes: a terminal, a file, a dashboard. */
import type { TrainEvent } from '../train/events.js'

/** A run as its training begins. */
export interface RunStart {
  /** Its folder. */
  run: string
  algorithm: string
  task: string
  /** Task options that were given, as `--env` takes them. */
  taskOptions: readonly string[]
  seed: number
  /** cpu or cuda:<i> */
  device: string
  /** The budget, in environment steps. */
  budget: number
  /** Steps trained before this process. */
  steps: number
  /** Settings as used. */
  settings: Readonly<Record<string, unknown>>
  /** What the learner's buffer takes once it is full, in bytes; 0 where there is none. */
  fullBufferBytes: number
  /** What brings an entry of it. */
  bufferPer: 'episode' | 'step'
  /** The time limit of an episode, in steps. */
  maxEpisodeSteps: number
  /** Seconds spent in each phase by this process so far. */
  secondsBy(): Readonly<Record<string, number>>
}

/** How training ended: at its end, saved before it, or with an error. */
export type RunEnd = 'finished' | 'interrupted' | 'failed'

/** Each method is called in order: start once, event for each event, end once, also after a failure. None may throw. */
export interface Reporter {
  /** Training begins. */
  start(run: RunStart): void
  /** Something happened. */
  event(event: TrainEvent): void
  /** Training has ended. Its result waits for what this returns. */
  end(how: RunEnd): void | Promise<void>
}
