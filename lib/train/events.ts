/** What a training run reports as it goes. Every field is described in docs/metrics.md. */

/** One training episode. Returns are in stored units, without the survival bonus, unless they are called full. */
export interface EpisodeEvent {
  type: 'episode'
  /** Environment steps of training so far, including this episode's. */
  steps: number
  /** Its number, from 1. */
  episode: number
  /** The commanded return; absent where the algorithm takes no commands, or the episode had none. */
  command?: number
  return: number
  fullReturn: number
  /** In steps. */
  length: number
  /** The highest return so far. */
  best: number
  /** Wall time of training so far. */
  seconds: number
}
/** The end of an iteration, after its episodes. */
export interface IterationEvent {
  type: 'iteration'
  steps: number
  /** Its number, from 1. */
  iteration: number
  /** The algorithm's own metrics by name; null where there is nothing to report. */
  metrics: Readonly<Record<string, number | null>>
  seconds: number
}
/** Episodes of G(best), or of the one policy, without noise and with frozen observation statistics (paper, section 4); their steps are not counted. */
export interface EvaluationEvent {
  type: 'evaluation'
  steps: number
  episode: number
  command?: number
  /** What the critic expects, in stored units. */
  predicted?: number
  /** Full rewards. */
  returns: number[]
  mean: number
  std: number
  /** In stored units, the units of the command. */
  achievedMean: number
  achievedStd: number
}
/** An episode whose simulation produced NaN or infinity: it is not stored, and nothing is learned from it. */
export interface DivergedEvent {
  type: 'diverged'
  steps: number
  /** Its number among all episodes begun, from 1. */
  attempt: number
  /** What was not finite and at which step, as a clause; only of Python tasks. */
  reason?: string
  seconds: number
}
/** What training reports, in order; `type` says which it is. */
export type TrainEvent = EpisodeEvent | IterationEvent | EvaluationEvent | DivergedEvent
