/** Command strategies: which return to command next (paper, section 4). */
import { requireArgument } from '../base/arguments.js'
import { didYouMean, GogepoError } from '../base/errors.js'
import { finite, plainObject, single, whole, type ValueType } from '../base/values.js'
import { unfit } from '../settings/setting.js'

/** The training episodes of a run so far, in order, one entry per episode in each column. Diverged episodes are in none of them. */
export interface History {
  /** Commanded returns, in stored units (without the survival bonus); NaN for an algorithm that takes no commands. */
  readonly commands: readonly number[]
  /** Achieved returns, in stored units. */
  readonly returns: readonly number[]
  /** Achieved returns including the survival bonus: the task's full reward. */
  readonly fullReturns: readonly number[]
  /** In steps. */
  readonly lengths: readonly number[]
  /** The highest stored return of any training episode, also after it left the replay buffer. −Infinity before the first. */
  readonly best: number
  /** The lowest stored return of any training episode. Infinity before the first. */
  readonly lowest: number
  /** Environment steps of all training episodes, diverged ones included. */
  readonly steps: number
  /** Episodes that ended normally. */
  readonly episodes: number
  /** All episodes begun: the number of the next one's random streams. */
  readonly attempts: number
}

/** What a command strategy may use besides the history. */
export interface StrategyContext {
  /** The range of commands of the run. */
  readonly returnMin: number
  readonly returnMax: number
  /** What is added to the best return, in stored units: the setting `drive`. */
  readonly drive: number
  /** The first command of a run, before there is anything to go by. */
  readonly first: number
  /** How many returns are in the replay buffer. */
  readonly stored: number
  /** One of them, 0 ≤ i < stored, in no particular order; with udrlpg in single precision, as its networks see it. */
  storedReturn(i: number): number
  /** Uniform in [0, 1), from the stream of random numbers of this episode: a resumed run gets the same ones. */
  random(): number
  /** V(G(c)): the returns that the critic expects of the policies for these commands. */
  predict(commands: readonly number[]): Promise<Float32Array>
}

/** The next command, in stored units. Any function of the history is a command strategy. */
export type CommandStrategy = (history: History, context: StrategyContext) => number | Promise<number>

/** A strategy with the text that selects it, which config.json records, and the returns that the text names. */
export type NamedStrategy = CommandStrategy & { readonly text: string; readonly returns?: readonly number[] }

/** Whether a strategy comes with gogepo. */
export const isNamed = (strategy: CommandStrategy): strategy is NamedStrategy => 'text' in strategy

const named = (text: string, next: CommandStrategy, returns: readonly number[] = []): NamedStrategy =>
  Object.assign(next, { text, returns })

/** Commands `context.first` until the first episode has ended. */
const fromHistory = (text: string, next: CommandStrategy, returns?: readonly number[]): NamedStrategy =>
  named(text, (history, context) => (history.episodes === 0 ? context.first : next(history, context)), returns)

/** The paper's ablation: the best return so far. */
export const best = fromHistory('best', (history) => history.best)

/**
 * The paper's main strategy: the best return so far plus `drive`.
 * @param drive in stored units; the setting `drive` when left out
 */
export function bestPlusDrive(drive?: number): NamedStrategy {
  if (drive === undefined) return fromHistory('best+drive', (history, context) => history.best + context.drive)
  requireArgument('bestPlusDrive', 'drive', single, drive)
  return drive === 0
    ? best
    : fromHistory(drive < 0 ? `best${drive}` : `best+${drive}`, (history) => history.best + drive, [drive])
}

/** Uniform over a range; over what has been achieved so far, from the lowest to the best return, when left out. */
export function uniform(low?: number, high?: number): NamedStrategy {
  if (low === undefined && high === undefined)
    return fromHistory('uniform', ({ lowest, best: highest }, { random }) => lowest + random() * (highest - lowest))
  requireArgument('uniform', 'low', single, low)
  requireArgument('uniform', 'high', single, high)
  if (!(low! < high!))
    throw new GogepoError('ERR_ARGUMENT', `uniform: expected low to be below high, got ${low} and ${high}.`)
  return named(`uniform:${low}:${high}`, (_, { random }) => low! + random() * (high! - low!), [low!, high!])
}

/** One of the returns in the replay buffer, each with the same probability. */
export const stored = fromHistory('stored', (_, { random, stored: count, storedReturn }) =>
  storedReturn(Math.floor(random() * count)),
)

/** Always the same command. */
export function fixed(command: number): NamedStrategy {
  requireArgument('fixed', 'the command', single, command)
  return named(`fixed:${command}`, () => command, [command])
}

const candidates = 50

/**
 * The command whose policy the critic believes to be the best: the largest V(G(c)) over 50 commands from returnMin to
 * 1.2 times as far as the best return.
 */
export const believed = fromHistory('believed', async ({ best: highest }, { returnMin, predict }) => {
  const step = (1.2 * (highest - returnMin)) / (candidates - 1)
  const commands = Array.from({ length: candidates }, (_, i) => returnMin + i * step)
  const values = await predict(commands)
  return commands[values.indexOf(Math.max(...values))]!
})

/** What a strategy that asks for predictions gets from an algorithm without a critic. */
export const noCritic = (algorithm: string): GogepoError =>
  new GogepoError(
    'ERR_SETTING',
    `Strategy: believed, like any that calls predict, needs a critic, and ${algorithm} has none. Use another one, such as best.`,
  )

/** One stage of a schedule; the last one has no end. */
export interface Stage {
  readonly strategy: NamedStrategy
  /** Environment steps of training at which the next stage begins. */
  readonly until?: number
}

/**
 * Different strategies at different times.
 * @param stages of strategies that come with gogepo; a function of your own can look at `history.steps` instead
 */
export function schedule(...stages: readonly Stage[]): NamedStrategy {
  for (const stage of stages) requireStage(stage)
  const ends = stages.map(({ until = Infinity }) => until)
  if (ends.at(-1) !== Infinity || ends.some((end, i) => !(end > (ends[i - 1] ?? 0))))
    throw new GogepoError(
      'ERR_ARGUMENT',
      'A schedule: expected every stage but the last to end, each at more environment steps than the one before.',
    )
  return named(
    stages.map(({ strategy, until }) => strategy.text + (until === undefined ? '' : `@${until}`)).join(';'),
    (history, context) => stages[ends.findIndex((end) => history.steps < end)]!.strategy(history, context),
    stages.flatMap(({ strategy }) => strategy.returns ?? []),
  )
}

function requireStage(stage: Stage): void {
  requireArgument('schedule', 'a stage', plainObject, stage)
  requireArgument('schedule', 'the strategy of a stage', comesWithGogepo, stage.strategy)
  if (stage.until !== undefined) requireArgument('schedule', '`until`', whole(1), stage.until)
}

const comesWithGogepo: ValueType<NamedStrategy> = {
  expected:
    'one that comes with gogepo, such as strategies.best (a function of your own can look at history.steps instead)',
  words: [],
  fits: (value): value is NamedStrategy => typeof value === 'function' && isNamed(value as CommandStrategy),
  parse: (text) => text,
}

/** The forms of a strategy's text. */
const forms: readonly [pattern: RegExp, make: (...values: number[]) => NamedStrategy][] = [
  [/^best\+drive$/, () => bestPlusDrive()],
  [/^best$/, () => best],
  [/^best([+-][^+-].*)$/, (drive) => bestPlusDrive(drive)],
  [/^uniform$/, () => uniform()],
  [/^uniform:([^:]+):([^:]+)$/, (low, high) => uniform(low, high)],
  [/^stored$/, () => stored],
  [/^fixed:(.+)$/, (command) => fixed(command!)],
  [/^believed$/, () => believed],
]

/** @throws GogepoError ERR_ARGUMENT when the text selects none */
function parseStrategy(text: string): NamedStrategy {
  const stages = text.split(';').map(parseStage)
  const [first] = stages
  return stages.length === 1 && first!.until === undefined ? first!.strategy : schedule(...stages)
}

function parseStage(text: string): Stage {
  const [, spec = '', until] = /^([^@]*)(?:@(.*))?$/.exec(text.trim()) ?? []
  for (const [pattern, make] of forms) {
    const values = pattern
      .exec(spec)
      ?.slice(1)
      .map((part) => finite.parse(part))
    if (values?.every((value) => finite.fits(value)))
      return { strategy: make(...values), ...(until !== undefined && { until: whole(1).parse(until) as number }) }
  }
  throw new GogepoError('ERR_ARGUMENT', didYouMean(spec, words).trim())
}

const words = ['best+drive', 'best', 'uniform', 'stored', 'believed']

/** undefined when the text selects a strategy; else what is wrong with it, as far as that can be said */
function faultOf(text: string): string | undefined {
  try {
    parseStrategy(text)
    return undefined
  } catch (error) {
    if (error instanceof GogepoError) return error.message
    throw error
  }
}

/** The text of a strategy, as `--strategy` and the setting take it. */
export const strategyText: ValueType<string> = {
  expected:
    'best+drive, best, best+<number>, uniform, uniform:<low>:<high>, stored, fixed:<number>, believed, or several as <strategy>@<steps>;<strategy>',
  words,
  fits: (value): value is string => typeof value === 'string' && faultOf(value) === undefined,
  parse: (text) => text,
  fault: (value) => (typeof value === 'string' ? (faultOf(value) ?? '') : ''),
}

/** @throws GogepoError ERR_SETTING */
export function findStrategy(text: string): NamedStrategy {
  if (!strategyText.fits(text)) throw unfit('strategy', strategyText, text)
  return parseStrategy(text)
}
