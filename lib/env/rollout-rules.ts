/** What the rollouts in JavaScript have in common: the totals, the refusals, and when a paused run may be resumed. */
import { isDeepStrictEqual } from 'node:util'
import { GogepoError } from '../base/errors.js'
import type { Episodes, Policies, RolloutOptions } from '../native/contract.js'

/** A run whose episodes may be paused. */
export interface PausedRun {
  readonly options: RolloutOptions
  readonly episodes: Episodes
}

/** Refuses to resume what did not pause, or was begun in another way. @throws GogepoError ERR_ARGUMENT */
export function requirePaused<T extends PausedRun>(
  paused: T | undefined,
  policies: Policies,
  options: RolloutOptions,
): T {
  const same =
    paused !== undefined &&
    paused.episodes.returns.length === policies.count * options.episodes &&
    isDeepStrictEqual(paused.options.exploration ?? {}, options.exploration ?? {}) &&
    (['episodes', 'seed', 'purpose', 'firstIndex', 'observe', 'removeSurvivalBonus'] as const).every(
      (name) => paused.options[name] === options[name],
    )
  if (!same)
    throw new GogepoError(
      'ERR_ARGUMENT',
      'run: expected resume to follow a run that paused, with the same options and number of policies.',
    )
  return paused
}

export const disposed = (): GogepoError =>
  new GogepoError('ERR_DISPOSED', 'This rollout has been disposed. Create a new one.')

export const busy = (): GogepoError =>
  new GogepoError('ERR_BUSY', 'run: this object is still busy with an earlier call. Await that one first.')

/** Columns for `count` episodes; those of the moments are empty unless observed. */
export function emptyEpisodes(count: number, { observe }: RolloutOptions, observationSize: number): Episodes {
  const observed = observe === 'none' ? 0 : count
  return {
    returns: new Float64Array(count),
    fullReturns: new Float64Array(count),
    lengths: new Int32Array(count),
    terminated: new Uint8Array(count),
    diverged: new Uint8Array(count),
    done: new Uint8Array(count),
    warnings: 0,
    moments: {
      counts: new Float64Array(observed),
      means: new Float64Array(observed * observationSize),
      m2s: new Float64Array(observed * observationSize),
    },
  }
}

/** The totals to return: a copy if the run is paused, since it continues to write into its own columns. */
export const totalsOf = (episodes: Episodes): Episodes =>
  episodes.done.includes(0) ? structuredClone(episodes) : episodes
