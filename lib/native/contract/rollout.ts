/** Episodes: how policies act in them, and what comes of it. */
import type { Policies, PolicySpec, Statistics } from './policies.js'
import type { TaskOptions } from './tasks.js'

/**
 * What an episode does with the observations it acts on. none: nothing. report: it reports their moments. grow: it also adds each one
 * to its own copy of the statistics before normalizing it.
 */
export type Observe = 'none' | 'report' | 'grow'

/** How the actions of an episode deviate from those that its policy would choose. Actions stay inside the bounds. */
export interface Exploration {
  /** Standard deviation of Gaussian noise added to each action, as a share of its half-range; 0 when left out. */
  noise?: number
  /** Correlation of the noise of consecutive steps, from 0 to below 1; 0 when left out. */
  correlation?: number
  /** So many actions at the start of the episode are uniform between the bounds; 0 when left out. */
  uniformSteps?: number
  /** A gaussian policy samples its actions, a discrete one its choice: softmax of the outputs are the probabilities. */
  sample?: boolean
}

export interface RolloutOptions {
  /** Episodes of each policy. */
  episodes: number
  seed: number
  /** Which family of random streams the episodes use. */
  purpose: 'training' | 'evaluation' | 'final'
  /** Episode e of policy p uses the random streams numbered firstIndex + p · episodes + e. */
  firstIndex: number
  /** null: observations are not normalized. */
  statistics: Statistics | null
  observe: Observe
  removeSurvivalBonus: boolean
  /** None when left out. */
  exploration?: Exploration
  /** Pauses every episode after this many more steps. Episodes that have not ended by then continue in the next call with resume: true. */
  maxSteps?: number
  /** Continues the paused episodes of the last call; the options and the number of policies must be the same, θ may differ. */
  resume?: boolean
  /** Also returns every transition of this call. */
  record?: boolean
}

/** T transitions, episode by episode. Observations are raw: not normalized. */
export interface Transitions {
  /** (T) the episode each belongs to. */
  episodes: Int32Array
  /** (T, O) */
  observations: Float32Array
  /** (T, A) as the task received them; of a discrete task (T). */
  actions: Float32Array
  /** (T) full rewards. */
  rewards: Float64Array
  /** (T, O) */
  nextObservations: Float32Array
  /** (T) 1 where the task itself ended the episode in this step; an episode that a time limit ends has none. */
  terminated: Uint8Array
}

/** Episodes in the order (policy, episode). Totals count from the start of each episode, also after a pause. */
export interface Episodes {
  /** Without the survival bonus, where that is removed. */
  returns: Float64Array
  fullReturns: Float64Array
  lengths: Int32Array
  /** 1 where the task itself ended the episode. */
  terminated: Uint8Array
  /** 1 where the simulation produced NaN or infinity; such an episode is worthless. */
  diverged: Uint8Array
  /** Why, as a clause, by the number of the episode; only where the task shows it. */
  divergedBecause?: Map<number, string>
  /** 1 where the episode has ended, 0 where it is paused. */
  done: Uint8Array
  /** Simulator warnings, all episodes together. */
  warnings: number
  /** Moments of the observations of each episode: counts (n), means and m2s (n, O). Empty unless observed. */
  moments: { counts: Float64Array; means: Float64Array; m2s: Float64Array }
  /** Only where they were recorded. */
  transitions?: Transitions
}

/** Runs policies on a task, whatever the task is made of. */
export interface Rollout {
  run(policies: Policies, options: RolloutOptions): Promise<Episodes>
  dispose(): void
}

/** Policies acting side by side on observations from JavaScript. Each row is one episode under way. */
export interface Actors {
  /** Forgets all episodes; loads nothing yet. */
  start(policies: Policies, options: Pick<RolloutOptions, 'seed' | 'statistics' | 'observe' | 'exploration'>): void
  /** Replaces the policies under the episodes that are under way: as many as before, with other θ. */
  reload(policies: Policies): void
  /** An episode of this policy begins on this row; `index` numbers the stream of its action noise. */
  begin(row: number, policy: number, index: number): void
  /** observations (rows, O) → actions (rows, A), or (rows) when discrete, for the rows that are active. */
  act(observations: Float64Array, actions: Float32Array, active: Uint8Array): void
  /** What the row's last action earned, which a commanded policy is no longer asked for. */
  reward(row: number, reward: number): void
  /** What the row's episode has observed so far. */
  moments(row: number): Statistics
  dispose(): void
}

/** What the addon exports for episodes. */
export interface RolloutClasses {
  Rollout: new (options: { policy: PolicySpec; env: string; options: TaskOptions; threads: number }) => Rollout
  Actors: new (options: { policy: PolicySpec; rows: number }) => Actors
  /** 32 bits from the stream of an episode, from which a task outside of C++ starts. */
  episodeSeed(episode: { seed: number; purpose: RolloutOptions['purpose']; index: number }): number
}
