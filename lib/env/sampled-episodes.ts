/** Episodes of random and constant policies: what they return, and how much their observations vary. */
import { meanAndStd } from '../base/statistics.js'
import { plural, short } from '../base/words.js'
import { actionOf, highOf, isDiscrete, lowOf, type Environment, type Observation, type Problem } from './environment.js'

type Action = Float32Array | number

/** The calls through which the environment is used: each checks what it returns. */
export interface Calls {
  reset(seed: number): Promise<Observation>
  step(action: Action): Promise<{ observation: Observation; reward: number; terminated: boolean; truncated: boolean }>
}

/** What the episodes of simple policies came to. */
export interface Sampled {
  /** The returns of whole episodes, in stored units. */
  returns: number[]
  /** Running moments of each element of the observations. */
  elements: Moments[]
}

interface Moments {
  count: number
  mean: number
  m2: number
  /** Every value so far was a number of single precision. */
  single: boolean
  /** Every observation so far was an array of single precision. */
  float32: boolean
  /** A value used the last bit of single, or of double, precision: values that were rounded to it do, whole numbers do not. */
  lastBit: { single: boolean; double: boolean }
}

/** The most steps of all episodes together, and the most milliseconds: a slow task is sampled less. */
const mostSteps = 50_000
const mostMilliseconds = 5000

/** The most choices of a discrete task that constant policies try. */
const mostChoices = 16

export async function sampleEpisodes(environment: Environment, calls: Calls, random: () => number): Promise<Sampled> {
  const { timeLimit = 10_000, survivalBonus = 0 } = environment
  const sampled: Sampled = { returns: [], elements: [] }
  const started = performance.now()
  let steps = 0
  for (const [i, next] of policies(environment, random).entries()) {
    observe(sampled, await calls.reset(1000 + i))
    let total = 0
    for (let length = 1; length <= timeLimit; length++) {
      if (++steps > mostSteps || performance.now() - started > mostMilliseconds) return sampled
      const { observation, reward, terminated, truncated } = await calls.step(next())
      observe(sampled, observation)
      total += terminated ? reward : reward - survivalBonus
      const limited = length === timeLimit && environment.timeLimit !== undefined
      if (!terminated && !truncated && !limited) continue
      sampled.returns.push(total)
      break
    }
  }
  return sampled
}

/** Policies that ignore the observation: random actions in every step, then one action throughout an episode. */
function policies({ actionSpace }: Environment, random: () => number): (() => Action)[] {
  if (isDiscrete(actionSpace)) {
    const { n } = actionSpace
    const choices = Array.from({ length: Math.min(n, mostChoices) }, (_, i) => () => i)
    return [...Array.from({ length: 6 }, () => () => Math.floor(random() * n)), ...choices]
  }
  const vector = (element: (i: number) => number): Float32Array => actionOf(actionSpace, element)
  const between = (share: () => number) => (i: number) => {
    const [low, high] = [lowOf(actionSpace, i), highOf(actionSpace, i)]
    return low + share() * (high - low)
  }
  const anything = (): Float32Array => vector(between(random))
  const constant = [0, 0.5, 1].map((share) => vector(between(() => share))).concat(anything(), anything(), anything())
  return [...Array.from({ length: 6 }, () => anything), ...constant.map((action) => () => action.slice())]
}

/** From here on, numbers of single or double precision are whole: what fractions they had cannot be seen. */
const wholeFrom = { single: 2 ** 23, double: 2 ** 52 }

const bits = new DataView(new ArrayBuffer(8)) // big-endian

function observe({ elements }: Sampled, observation: Observation): void {
  const float32 = observation instanceof Float32Array
  // Single precision holds every whole number below 2^24. In an array of single precision, those from 2^23 on may have been fractions.
  const exactBelow = float32 ? wholeFrom.single : 2 * wholeFrom.single
  for (let i = 0; i < observation.length; i++) {
    const moments = (elements[i] ??= {
      count: 0,
      mean: 0,
      m2: 0,
      single: true,
      float32,
      lastBit: { single: false, double: false },
    })
    const value = observation[i]!
    const delta = value - moments.mean
    moments.mean += delta / ++moments.count
    moments.m2 += delta * (value - moments.mean)
    moments.single &&= Math.fround(value) === value
    moments.float32 &&= float32
    bits.setFloat32(0, value)
    const exact = Number.isInteger(value) && Math.abs(value) < exactBelow
    moments.lastBit.single ||= !exact && (bits.getUint8(3) & 1) === 1
    bits.setFloat64(0, value)
    moments.lastBit.double ||= (bits.getUint8(7) & 1) === 1
  }
}

/** Whether an episode returned more than is stored. */
export function problemOfSize({ returns }: Sampled): Problem | undefined {
  const large = returns.find((value) => !Number.isFinite(Math.fround(value)))
  if (large === undefined) return undefined
  return {
    problem: `an episode returned ${short(large)}, but returns are stored in single precision, up to ±3.4e38`,
    fix: 'Make the rewards smaller.',
  }
}

/** Whether the declared range of returns has nothing to do with the returns of simple policies. */
export function problemOfReturns(range: readonly [number, number], { returns }: Sampled): Problem | undefined {
  if (returns.length === 0) return undefined
  const [low, high] = range
  const slack = 0.1 * (high - low)
  const highest = Math.max(...returns)
  const tooLow = returns.filter((r) => r < low - slack).length
  const most = tooLow > returns.length / 2
  if (!most && highest <= high + slack) return undefined
  return {
    problem: `returnRange is [${low}, ${high}], but ${plural(returns.length, 'episode')} with random and constant actions returned ${short(Math.min(...returns))} to ${short(highest)}`,
    fix: `Set returnRange to the returns from bad to excellent policies: ${advice(returns)}.`,
  }
}

/** A range of returns to begin with, in words. */
export const advice = (returns: readonly number[]): string => {
  const [low, high] = proposedRange(returns)!
  return `begin with [${low}, ${high}], and raise the upper end to what the best policy could achieve`
}

/** From the worst simple policy to somewhat better than the best; nothing if no episode has ended. */
export function proposedRange(returns: readonly number[]): [low: number, high: number] | undefined {
  if (returns.length === 0) return undefined
  const [low, high] = [Math.min(...returns), Math.max(...returns)]
  const span = high - low || Math.abs(high) || 1
  // Rounded outward to a tenth of the power of ten below the span.
  const unit = 10 ** Math.floor(Math.log10(span)) / 10
  const rounded = (x: number, round: (x: number) => number): number => Number((round(x / unit) * unit).toPrecision(12))
  return [rounded(low, Math.floor), rounded(high + span, Math.ceil)]
}

/** Below this standard deviation, an element of the observation is considered constant: native/policy. */
const considered = 1e-7
/** What varies needs this many distinguishable values within its standard deviation. */
const leastLevels = 16

/** The distance from a number of single or double precision to the next one, at most, relative to its size. */
const relativeStep = { single: 2 ** -23, double: 2 ** -52 }
/** What varies less than this, relative to its size, is taken for the rounding of the task’s own arithmetic. */
const relativeRounding = { single: 1e-6, double: 1e-12 }

/** Whether an element of the observation varies too little for what is left of it after rounding or normalizing. */
export function problemOfVariation({ elements }: Sampled): Problem | undefined {
  for (const [i, { count, mean, m2, single, float32, lastBit }] of elements.entries()) {
    const std = Math.sqrt(m2 / Math.max(1, count - 1))
    const size = Math.abs(mean)
    if (std === 0) {
      const kept = float32 ? 'single' : 'double'
      if (count < 2 || size < wholeFrom[kept]) continue
      return {
        problem: `element ${i} of the observation is always ${mean}, where ${kept} precision has no fractions: if it should vary, its variation is lost`,
        fix: `Subtract a constant offset in the task${float32 ? ', and return the observation in double precision' : ''}; or leave the element out if it is constant.`,
      }
    }
    const around = `element ${i} of the observation varies by ${std.toPrecision(2)} around ${mean.toPrecision(6)}`
    const precision = single ? 'single' : 'double'
    if (std < leastLevels * size * relativeStep[precision] && lastBit[precision])
      return {
        problem: `${around}, which ${precision} precision hardly resolves: most of its variation is lost`,
        fix: `Subtract a constant offset in the task${single ? ', and return the observation in double precision' : ''}.`,
      }
    if (std < considered && std > Math.max(1e-12, size * relativeRounding[precision]))
      return {
        problem: `${around}; variation below ${considered} is normalized to 0, so the policy does not see it`,
        fix: 'Return it in a unit in which it varies more.',
      }
  }
  return undefined
}

/** Whether returns vary too little for single precision, in which networks see them. Returns that it holds exactly lose nothing. */
export function problemOfReturnVariation({ returns }: Sampled): Problem | undefined {
  if (returns.every((value) => Math.fround(value) === value)) return undefined
  const { mean, std } = meanAndStd(returns)
  const size = Math.abs(mean)
  if (!(std > size * relativeRounding.double && std < leastLevels * size * relativeStep.single)) return undefined
  return {
    problem: `returns vary by ${std.toPrecision(2)} around ${mean.toPrecision(6)}, which single precision hardly resolves: networks that see returns as they are lose most of their variation`,
    fix: 'Subtract a constant from the rewards, so that returns are not far from 0 compared with how much they vary.',
  }
}
