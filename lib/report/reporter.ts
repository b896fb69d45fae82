/** What a training run says as it goes. The fields: docs/metrics.md. */
export interface EpisodeEvent {
  type: 'episode'
  steps: number
  episode: number
  command: number
  /** In stored units, without the survival bonus; so is best. */
  return: number
  fullReturn: number
  length: number
  best: number
  criticLoss: number | null
  generatorLoss: number | null
  seconds: number
}
/** Episodes of G(best) without noise, with frozen observation statistics (paper, section 4); its steps are not counted. */
export interface EvaluationEvent {
  type: 'evaluation'
  steps: number
  episode: number
  command: number
  predicted: number
  /** Full rewards. */
  returns: number[]
  mean: number
  std: number
}
/** An episode whose simulation was no longer finite: not stored, not learned from. */
export interface DivergedEvent {
  type: 'diverged'
  steps: number
  /** Its number among all episodes begun, from 1. */
  attempt: number
  seconds: number
}
/** What training tells, in the order in which it happens; `type` says which it is. */
export type TrainEvent = EpisodeEvent | EvaluationEvent | DivergedEvent
