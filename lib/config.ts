/**
 * Every setting, once: its kind, default, range, help and source. The TypeScript type, the checks, `--help` and the table in
 * docs/settings.md follow from here; C++ has no defaults.
 */
import { didYouMean, GogepoError } from './errors.js'
import { quoted } from './files.js'

/** How a setting reads, checks and shows its values. `undefined` as the default: the task says. */
interface Kind<T> {
  readonly range: string
  readonly check: (value: unknown) => value is T
  readonly parse: (text: string) => unknown
}
interface Setting<T> extends Kind<T> {
  readonly default: T | undefined
  readonly help: string
  readonly source: string
}

const numeric = (text: string): unknown =>
  /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim()) ? Number(text) : text
const whole = (low: number, high: number): Kind<number> => ({
  range: `whole number, ${low} to ${high}`,
  check: (v): v is number => Number.isSafeInteger(v) && (v as number) >= low && (v as number) <= high,
  parse: numeric,
})
const real = (low: number, high: number): Kind<number> => ({
  range: high === Infinity ? (low === -Infinity ? 'number' : `number, at least ${low}`) : `number, ${low} to ${high}`,
  check: (v): v is number => typeof v === 'number' && Number.isFinite(v) && v >= low && v <= high,
  parse: numeric,
})
const widths: Kind<readonly number[]> = {
  range: 'list of whole numbers from 1, such as 256,256',
  check: (v): v is readonly number[] =>
    Array.isArray(v) &&
    v.length > 0 &&
    v.length <= 64 &&
    v.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= 65536),
  parse: (text) => text.split(',').map(numeric),
}
const flag: Kind<boolean> = {
  range: 'true or false',
  check: (v): v is boolean => typeof v === 'boolean',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : text),
}
const choice = <const T extends string>(...values: T[]): Kind<T> => ({
  range: values.join(' or '),
  check: (v): v is T => values.includes(v as T),
  parse: (text) => text,
})
const setting = <T>(kind: Kind<T>, value: NoInfer<T> | undefined, help: string, source: string): Setting<T> => ({
  ...kind,
  default: value,
  help,
  source,
})

const code = "the authors' configuration"
export const settings = {
  policyHidden: setting(
    widths,
    [256, 256],
    'widths of the policy’s hidden layers, multiples of sliceSize',
    'paper, appendix',
  ),
  sliceSize: setting(whole(1, 4096), 16, 'side f of the weight slices that the hypernetwork makes', 'paper, appendix'),
  embeddingSize: setting(whole(1, 4096), 8, 'size d of the learned embedding of a slice', 'paper, appendix'),
  generatorHidden: setting(
    widths,
    [256, 256],
    'widths of the hidden layers of every slice and bias network',
    'paper, appendix',
  ),
  outputScale: setting(
    real(1e-6, 1e6),
    2,
    'generated weights and biases of a layer are multiplied by this over √(its inputs)',
    code,
  ),
  probingStates: setting(
    whole(1, 65536),
    200,
    'number N of learned probing states in which the critic looks at a policy',
    'paper, appendix',
  ),
  criticKind: setting(
    choice('fingerprint', 'parameters'),
    'fingerprint',
    'what the critic reads: the actions in its probing states, or θ itself',
    'paper, policy fingerprinting',
  ),
  criticHidden: setting(widths, [256, 256], 'widths of the critic’s hidden layers', 'paper, appendix'),
  criticLearningRate: setting(real(0, 1), 5e-3, 'Adam’s learning rate of the critic and its probing states', code),
  generatorLearningRate: setting(real(0, 1), 2e-6, 'Adam’s learning rate of the generator', code),
  criticUpdates: setting(
    whole(0, 100_000),
    4,
    'critic updates for each policy of an iteration',
    'the authors’ loop (their configuration says 5)',
  ),
  generatorUpdates: setting(
    whole(0, 100_000),
    19,
    'generator updates for each policy of an iteration',
    'the authors’ loop (their configuration says 20)',
  ),
  batchSize: setting(whole(1, 65536), 16, 'stored policies in the batch of one update', code),
  bufferSize: setting(whole(1, 10_000_000), 10_000, 'policies the replay buffer keeps, first in first out', code),
  recencyExponent: setting(
    real(0, 100),
    1.1,
    'the i-th newest policy is drawn with weight i^−exponent; 0 is uniform',
    'paper, appendix',
  ),
  noise: setting(real(0, 1000), 0.1, 'deviation σ of the noise on θ while exploring', 'paper, appendix'),
  drive: setting(
    real(-Infinity, Infinity),
    20,
    'what is added to the best return so far to make the next command',
    'paper, section 4',
  ),
  returnMin: setting(real(-Infinity, Infinity), undefined, 'lower end of the range of commands', 'the task'),
  returnMax: setting(
    real(-Infinity, Infinity),
    undefined,
    'upper end; a command is divided by returnMax − returnMin',
    'the task',
  ),
  policiesPerIteration: setting(
    whole(1, 65536),
    1,
    'policies generated and run side by side before the updates',
    '1 is the paper',
  ),
  normalizeObservations: setting(
    flag,
    true,
    'policies see observations normalized by running mean and deviation',
    code,
  ),
  removeSurvivalBonus: setting(flag, true, 'stored returns leave out what the task pays for being alive', code),
  evaluateEvery: setting(whole(1, 1_000_000_000), undefined, 'steps between evaluations', 'the task'),
  evaluationEpisodes: setting(whole(1, 10_000), 10, 'episodes of an evaluation', 'paper, section 4'),
  checkpointEvery: setting(
    real(0, 1e9),
    60,
    'seconds between checkpoints, besides those at evaluations: what a kill can cost',
    'this project',
  ),
  tf32: setting(
    flag,
    false,
    'on a CUDA device: products of matrices with mantissas of 10 bits instead of 23, faster',
    'this project',
  ),
  engine: setting(
    choice('fast', 'reference'),
    'fast',
    'fast: hand-written updates, on a CUDA device recorded as graphs; reference: plain LibTorch with autograd, its slow oracle',
    'this project',
  ),
}

/** All settings of a run as used. Field by field: docs/settings.md. */
export type Settings = {
  readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never
}
export type SettingName = keyof Settings

const names = Object.keys(settings) as SettingName[]

/** Named choices of settings. What is given goes before them. */
export const presets = {
  paper: {},
  // Fewer updates for each policy, with longer strides, and policies side by side on all cores: another method, measured in bench/RESULTS.md.
  throughput: { policiesPerIteration: 4, criticUpdates: 1, generatorUpdates: 5, generatorLearningRate: 4e-6 },
} satisfies Record<string, Partial<Settings>>
/** A named choice of settings; docs/settings.md says what each changes. */
export type Preset = keyof typeof presets

/** @throws GogepoError ERR_SETTING for an unknown name */
export function checkPreset(name: string): Preset {
  if (Object.hasOwn(presets, name)) return name as Preset
  throw new GogepoError(
    'ERR_SETTING',
    `Unknown preset "${name}".${didYouMean(name, Object.keys(presets))} There are: ${Object.keys(presets).join(', ')}.`,
  )
}

/**
 * Settings as used: what was given, else what the preset says, else the task, else the default.
 * @throws GogepoError ERR_SETTING for an unknown name or a value out of its range.
 */
export function completeSettings(
  given: Partial<Settings>,
  task: Partial<Settings> = {},
  preset: Partial<Settings> = presets.paper,
): Settings {
  const out: Record<string, unknown> = {}
  for (const name of Object.keys(given)) if (!Object.hasOwn(settings, name)) throw unknownSetting(name)
  for (const name of names) {
    const { default: standard, check, range } = settings[name]
    const value = given[name] !== undefined ? given[name] : (preset[name] ?? task[name] ?? standard)
    if (!check(value))
      throw new GogepoError(
        'ERR_SETTING',
        `Setting ${name}: expected ${expected(range)}, got ${show(value)}.${value === undefined ? ` The task does not say it: give it with --set ${name}=<number>.` : ''}`,
      )
    out[name] = Array.isArray(value) ? [...value] : value // the caller's own list may change while the run goes on
  }
  const all = out as unknown as Settings
  if (!(all.returnMax > all.returnMin))
    throw new GogepoError(
      'ERR_SETTING',
      `Settings returnMin and returnMax: expected returnMax above returnMin, got ${all.returnMin} and ${all.returnMax}.`,
    )
  const odd = all.policyHidden.find((width) => width % all.sliceSize !== 0)
  if (odd !== undefined)
    throw new GogepoError(
      'ERR_SETTING',
      `Setting policyHidden: expected multiples of sliceSize (${all.sliceSize}), got ${odd}. Use ${Math.max(1, Math.round(odd / all.sliceSize)) * all.sliceSize}, or another sliceSize.`,
    )
  return all
}

/**
 * Reads `name=value` as `--set` takes it.
 * @throws GogepoError ERR_SETTING when it is malformed, the name unknown or the value of the wrong kind.
 */
export function parseSetting(text: string): Partial<Settings> {
  const equals = text.indexOf('=')
  if (equals <= 0)
    throw new GogepoError('ERR_SETTING', `--set: expected name=value, such as noise=0.05, got "${text}".`)
  const name = text.slice(0, equals).trim()
  if (!Object.hasOwn(settings, name)) throw unknownSetting(name)
  const { parse, check, range } = settings[name as SettingName]
  const value = parse(text.slice(equals + 1).trim())
  if (!check(value))
    throw new GogepoError(
      'ERR_SETTING',
      `Setting ${name}: expected ${expected(range)}, got "${text.slice(equals + 1)}".`,
    )
  return { [name]: value }
}

const expected = (range: string): string => (/^(whole|number|list)/.test(range) ? `a ${range}` : range)

function unknownSetting(name: string): GogepoError {
  return new GogepoError(
    'ERR_SETTING',
    `Unknown setting "${quoted(name)}".${didYouMean(name, names)} List them with: gogepo train --help`,
  )
}

/** A value in words, whatever it is. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `${value.slice(0, 64).map(show).join(',')}${value.length > 64 ? ',…' : ''}`
  if (typeof value === 'string') return JSON.stringify(quoted(value))
  if (value === undefined) return 'nothing'
  return value === null || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : `a value of type ${typeof value}`
}
