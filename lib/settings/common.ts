/** The settings that every algorithm has. */
import { flag, real, whole } from '../base/values.js'
import { setting, type SettingsOf } from './setting.js'

/** The most episodes of an evaluation, of a command and of a sweep. */
export const mostEpisodes = 1_000_000

const authors = "the authors' configuration"

export const commonSettings = {
  normalizeObservations: setting(
    flag,
    true,
    'normalize observations by their running mean and standard deviation',
    authors,
  ),
  removeSurvivalBonus: setting(flag, true, 'leave the reward for being alive out of stored returns', authors),
  evaluateEvery: setting(whole(1, 1_000_000_000), undefined, 'steps between evaluations', 'the task', 'schedule'),
  evaluationEpisodes: setting(whole(1, mostEpisodes), 10, 'episodes per evaluation', 'paper, section 4', 'schedule'),
  checkpointEvery: setting(
    real(0, 1e9),
    60,
    'seconds between checkpoints, besides those at evaluations; a run that is killed loses at most about this much work',
    'this project',
    'schedule',
  ),
  keepCheckpointEvery: setting(
    whole(0, 1_000_000_000),
    0,
    'besides the last three checkpoints and the best one, keep the first after each multiple of this many steps, so that a figure can show stages of training; 0: keep no others',
    'this project',
    'schedule',
  ),
  tf32: setting(
    flag,
    false,
    'on a CUDA device, multiply matrices with 10-bit mantissas instead of 23: faster, less precise',
    'this project',
    'compute',
  ),
}

/** The settings that every algorithm has. */
export type CommonSettings = SettingsOf<typeof commonSettings>
