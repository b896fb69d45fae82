/** The interface between an algorithm and everything around it: training, runs, checkpoints, reports, the command line. */
import { GogepoError } from '../base/errors.js'
import type { Tensor } from '../base/safetensors.js'
import type { Stopwatch } from '../base/stopwatch.js'
import type { Device, EnvSpec, Episodes, Native, Policies, PolicySpec, RolloutOptions } from '../native/contract.js'
import { commonSettings, type CommonSettings } from '../settings/common.js'
import { completeSettings, type SettingsOf, type SettingsTable, type SettingValues } from '../settings/setting.js'
import type { CommandStrategy, History } from './commands.js'

/** A named choice of settings; some depend on the task. */
export interface Preset {
  readonly help: string
  /** @throws GogepoError ERR_SETTING when it has no settings for this task */
  readonly settings: SettingValues | ((task: EnvSpec) => SettingValues)
}

/** A learning algorithm. Its file, lib/algorithms/<name>.ts, reads like its pseudocode. */
export interface Algorithm<T extends SettingsTable = SettingsTable> {
  /** As `--algorithm` takes it. */
  readonly name: string
  /** One line for people. */
  readonly summary: string
  /** Title and address. */
  readonly paper: string
  /** Its own settings, in addition to the common ones. */
  readonly settings: T
  /** The first one is the default. */
  readonly presets: Readonly<Record<string, Preset>>
  /** The settings that switch learning off: a run with them is the control beside which a claim of learning stands. */
  readonly control?: SettingValues
  /** What each metric of an iteration means, with its unit. */
  readonly metrics: Readonly<Record<string, string>>
  /** The phases whose time it measures, besides the rollouts. */
  readonly phases: readonly string[]
  /** It learns one policy per command, rather than a single policy. */
  readonly takesCommands: boolean
  /** Checks settings against each other. @throws GogepoError ERR_SETTING */
  check?(settings: SettingsOf<T> & CommonSettings): void
  /** A learner in its initial state. */
  create(context: Context<SettingsOf<T> & CommonSettings>): Learner
}

/** Lets TypeScript infer the types of an algorithm's settings. */
export const defineAlgorithm = <T extends SettingsTable>(algorithm: Algorithm<T>): Algorithm<T> => algorithm

/** How training episodes are run. */
export type TrainingOptions = Pick<RolloutOptions, 'observe' | 'exploration' | 'maxSteps' | 'resume' | 'record'>

/** What a learner is created with, and what it may use while it learns. */
export interface Context<S = SettingValues> {
  readonly native: Native
  readonly device: Device
  readonly task: EnvSpec
  readonly settings: S
  readonly seed: number
  /** Threads of the updates. */
  readonly torchThreads: number
  /** The run so far, kept by the trainer. */
  readonly history: History
  readonly stopwatch: Stopwatch
  /** Chooses the commands of an algorithm that takes commands; the algorithm's own choice when left out. */
  readonly strategy?: CommandStrategy
  /**
   * Runs one training episode of each policy: the next episodes of the run, with its normalizer. With maxSteps they pause, and
   * continue in the next call with resume.
   */
  run(policies: Policies, options: TrainingOptions): Promise<Episodes>
}

/** One iteration of an algorithm. It ends at an episode boundary, so a checkpoint never holds simulator state. */
export interface Iteration {
  /** The training episodes it ran, in order. */
  episodes: Episodes
  /** The command of each episode, where the algorithm takes commands; NaN where an episode had none. */
  commands?: readonly number[]
  /** null where there is nothing to report. */
  metrics: Readonly<Record<string, number | null>>
}

/** What is learned. It keeps only that: history, normalizer, rollouts and evaluation belong to the trainer. */
export interface Learner {
  /** The policies it learns. */
  readonly policySpec: PolicySpec
  /** Runs episodes and learns from them. */
  iterate(): Promise<Iteration>
  /**
   * The policies to evaluate or to keep: one per command, or the one policy of an algorithm without commands.
   * @param exploration with the parameter noise of training, from this seed; without noise when left out
   */
  policies(commands?: readonly number[], exploration?: { seed: number }): Promise<Policies>
  /**
   * The standard deviation of the noise that it adds to parameters, the mean where it differs between them; left out by an
   * algorithm that adds none, which is then never asked for policies with exploration.
   */
  readonly parameterNoise?: number
  /** The return it expects of each policy, in stored units. */
  predict?(policies: Policies): Promise<Float32Array>
  /** A copy of what it has learned. */
  state(): LearnerState
  /** Puts a state back; its log follows row by row. @throws GogepoError ERR_FILE, ERR_SHAPE */
  restore(state: LearnerState): void
  /** Rows that are too many to save whole with every checkpoint. */
  readonly log?: RowLog
  /** The command with which it is evaluated; the best return so far when left out. */
  readonly bestCommand?: number
  /** The most noise-free episodes at the end of training, by which its commands are corrected from then on; none when left out. */
  readonly correctionEpisodes?: number
  /** How much memory it takes. */
  memory(): MemoryUsage
  /** Frees its memory. */
  dispose(): void
}

/** Everything an iteration depends on, apart from the log: named tensors, and counters that are whole numbers. */
export interface LearnerState {
  tensors: Record<string, Tensor>
  counters: Record<string, number>
}

/** Rows numbered in the order they came, such as a replay buffer's. A checkpoint saves those that no earlier one has saved. */
export interface RowLog {
  /** What brings a row: each training episode, or each step of one. */
  readonly per: 'episode' | 'step'
  /** The number of the oldest row that is still held. */
  readonly first: number
  /** One past the number of the newest row. */
  readonly end: number
  readonly bytesPerRow: number
  /** Named columns; the first dimension of each is `count`. */
  read(first: number, count: number): Record<string, Tensor>
  /** Puts rows back, oldest first. @throws GogepoError ERR_FILE when a column is not what it should be */
  restore(first: number, count: number, columns: Record<string, Tensor>): void
}

/** Bytes. */
export interface MemoryUsage {
  /** Parameters with their optimizer state. */
  parameters: number
  /** The log, now and once it is full. */
  buffer: number
  fullBuffer: number
  workspace: number
  /** How much of all this is on a CUDA device. */
  device: number
}

/** The common settings and those of an algorithm. */
export const tableOf = (algorithm: Algorithm): SettingsTable => ({ ...algorithm.settings, ...commonSettings })

/** What a task itself says about settings. NaN stands for a range of returns that it does not declare. */
const taskSettings = ({ returnMin, returnMax, evaluateEvery }: EnvSpec): SettingValues => ({
  ...(!Number.isNaN(returnMin) && { returnMin }),
  ...(!Number.isNaN(returnMax) && { returnMax }),
  evaluateEvery,
})

/**
 * All settings of a run. Explicit settings override the preset, the preset overrides the task, the task overrides the defaults.
 * @throws GogepoError ERR_SETTING
 */
export function settingsFor(
  algorithm: Algorithm,
  task: EnvSpec,
  { given = {}, preset, control = false }: { given?: SettingValues; preset: string; control?: boolean },
): SettingValues {
  const chosen = algorithm.presets[preset]!.settings
  const settings = completeSettings(tableOf(algorithm), {
    given: control ? { ...given, ...controlOf(algorithm) } : given,
    preset: typeof chosen === 'function' ? chosen(task) : chosen,
    task: taskSettings(task),
  })
  checkSettings(algorithm, settings)
  return settings
}

function controlOf({ name, control }: Algorithm): SettingValues {
  if (control === undefined)
    throw new GogepoError(
      'ERR_SETTING',
      `${name} does not say which settings switch its learning off; leave control out.`,
    )
  return control
}

/** Checks settings against each other. @throws GogepoError ERR_SETTING */
export function checkSettings(algorithm: Algorithm, settings: SettingValues): void {
  algorithm.check?.(settings as SettingValues & CommonSettings)
}

/** The shape of an MLP policy for a task: tanh throughout, unless said otherwise. */
export function policySpecOf(
  task: EnvSpec,
  hidden: readonly number[],
  {
    bias = true,
    activation = 'tanh',
    output = 'tanh',
  }: Partial<Pick<PolicySpec, 'bias' | 'activation' | 'output'>> = {},
): PolicySpec {
  const { observationSize, actionSize, discrete, actionLow, actionHigh } = task
  return { observationSize, actionSize, discrete, actionLow, actionHigh, hidden, bias, activation, output }
}

/** A counter of a state. @throws GogepoError ERR_CHECKPOINT */
export function requireCounter(counters: Readonly<Record<string, number>>, name: string): number {
  const value = counters[name]
  if (!Number.isSafeInteger(value) || value! < 0)
    throw new GogepoError('ERR_CHECKPOINT', `expected the counter ${name} to be a whole number, got ${value}.`)
  return value!
}
