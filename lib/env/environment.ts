/** A task of a user's own, in TypeScript, with Gymnasium's words. How to write one: docs/environments.md. */
import { GogepoError } from '../base/errors.js'
import { describe } from '../base/words.js'
import type { EnvSpec } from '../native/contract.js'
import { settleOrThrow } from './settle-or-throw.js'

/** Numbers, each between low and high. One bound for all, or one for each; `shape` says how many where the bounds do not. */
export interface Box {
  readonly low?: number | readonly number[]
  readonly high?: number | readonly number[]
  readonly shape?: readonly number[]
}

/** One of n choices: 0 … n − 1. */
export interface Discrete {
  readonly n: number
}

/** Row by row where its shape has many dimensions. Read at once and not kept. */
export type Observation = Float32Array | Float64Array | readonly number[]

/** What a step of an episode gave. */
export interface EnvironmentStep {
  /** After the step: (O) finite numbers of single precision. */
  observation: Observation
  /** Finite. */
  reward: number
  /** Ended by the task itself. */
  terminated: boolean
  /** Ended by anything else, such as a clock of its own. */
  truncated: boolean
}

/**
 * A task: what a policy acts in (paper, section 2). Each object is one episode at a time; many run side by side and share nothing. `reset` and `step` may be async.
 * What is wrong in what they return, or thrown, ends a run with ERR_ENVIRONMENT; what was thrown is its `cause`, and the run can be resumed.
 */
export interface Environment {
  /** Its bounds may be left out: nothing is scaled by them. */
  readonly observationSpace: Box
  /** A Box needs finite bounds: the policy's actions fill them. */
  readonly actionSpace: Box | Discrete

  /**
   * Begins an episode.
   * @param seed whole number of 32 bits: the same one, the same episode
   * @returns the first observation, (O)
   */
  reset(seed: number): Observation | { observation: Observation } | Promise<Observation | { observation: Observation }>
  /**
   * One time step.
   * @param action of a Box (A) numbers within its bounds, in an array of their own; of a Discrete the choice, from 0
   */
  step(action: Float32Array | number): EnvironmentStep | Promise<EnvironmentStep>
  /** When it is no longer needed. */
  close?(): void | Promise<void>

  /** Lowest and highest return that can be asked for, in stored units. Without it the settings returnMin and returnMax must say. */
  readonly returnRange?: readonly [low: number, high: number]
  /** Steps after which an episode ends, whatever it says. */
  readonly timeLimit?: number
  /** Paid by the task in each step that does not terminate; stored returns leave it out (setting removeSurvivalBonus). */
  readonly survivalBonus?: number
  /** The usual budget, in steps; 100,000 when left out. */
  readonly trainingSteps?: number
  /** Steps between evaluations; 1,000 when left out. */
  readonly evaluateEvery?: number
}

/** Makes one; many run side by side. A class without arguments, or a function. */
export type EnvironmentFactory = (new () => Environment) | (() => Environment | Promise<Environment>)

/** Numbers in an observation or an action, and choices. */
const largest = 1 << 20
const mostDimensions = 64 // of a shape, as NumPy has it

/** An episode of a task without a time limit that is longer than this has forgotten its end. */
export const longestEpisode = 100_000

/** @throws GogepoError ERR_ENVIRONMENT with what the factory threw as its cause */
export async function makeEnvironment(factory: EnvironmentFactory, name: string): Promise<Environment> {
  if (typeof factory !== 'function')
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${name}: expected a class or a function that makes an environment, got ${describe(factory)}. Many run side by side, so one alone is not enough: give () => new MyTask().`,
    )
  let environment: unknown
  try {
    // Arrow and async functions have no prototype; whatever else there is can be called with new.
    environment =
      factory.prototype === undefined ? (factory as () => unknown)() : new (factory as new () => Environment)()
    if (environment instanceof Promise) environment = await settleOrThrow(environment, `${name}: its function`)
  } catch (error) {
    if (error instanceof GogepoError) throw error
    throw new GogepoError('ERR_ENVIRONMENT', `${name} could not be made: ${thrownInWords(error)}`, { cause: error })
  }
  if (typeof environment !== 'object' || environment === null)
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${name}: expected an environment, got ${describe(environment)}. Its class or function must make an object with observationSpace, actionSpace, reset and step.`,
    )
  return environment as Environment
}

/** A thing that is wrong with an environment: what, and what to do. */
export interface Problem {
  problem: string
  fix: string
}

/** What is wrong with what an environment says of itself. */
export function problemsOfProperties(environment: Environment): Problem[] {
  const problems: Problem[] = []
  const { observationSpace, actionSpace, returnRange, timeLimit, survivalBonus, trainingSteps, evaluateEvery } =
    environment
  const add = (problem: string, fix: string): void => void problems.push({ problem, fix })

  for (const method of ['reset', 'step'] as const)
    if (typeof environment[method] !== 'function')
      add(
        `${method} is ${describe(environment[method])}`,
        `Write a method ${method === 'reset' ? 'reset(seed) that returns the first observation' : 'step(action) that returns { observation, reward, terminated, truncated }'}.`,
      )
  const observations = problemOfBox(observationSpace)
  if (observations !== undefined)
    add(
      `observationSpace ${observations}`,
      'Give observationSpace = { shape: [n] }, or { low: […], high: […] } with one number for each number of an observation.',
    )
  if (isDiscrete(actionSpace)) {
    if (!Number.isSafeInteger(actionSpace.n) || actionSpace.n < 2 || actionSpace.n > largest)
      add(
        `actionSpace.n is ${describe(actionSpace.n)}`,
        `Give actionSpace = { n: 2 } or more choices, up to ${largest}.`,
      )
  } else {
    const actions =
      problemOfBox(actionSpace) ??
      (Array.from({ length: sizeOf(actionSpace) }, (_, i) => i).every(
        (i) =>
          Number.isFinite(Math.fround(lowOf(actionSpace, i))) && Number.isFinite(Math.fround(highOf(actionSpace, i))),
      )
        ? undefined
        : 'has bounds that are not finite')
    if (actions !== undefined)
      add(
        `actionSpace ${actions}`,
        'Give actionSpace = { low: […], high: […] } with two finite numbers for each number of an action, or { n } for n choices.',
      )
  }
  if (
    returnRange !== undefined &&
    !(
      Array.isArray(returnRange) &&
      returnRange.length === 2 &&
      returnRange.every(Number.isFinite) &&
      returnRange[0] < returnRange[1]
    )
  )
    add(
      `returnRange is ${describe(returnRange)}`,
      'Give returnRange = [lowest, highest]: the returns of episodes that can be asked for.',
    )
  for (const [name, value] of Object.entries({ timeLimit, trainingSteps, evaluateEvery }))
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      add(`${name} is ${describe(value)}`, `Give ${name} as a whole number of steps from 1, or leave it out.`)
  if (survivalBonus !== undefined && !Number.isFinite(survivalBonus))
    add(
      `survivalBonus is ${describe(survivalBonus)}`,
      'Give survivalBonus as the number that each step alive is paid, or leave it out.',
    )
  return problems
}

/**
 * What the rest of gogepo needs to know of it. NaN stands for a range of returns that it does not say.
 * @throws GogepoError ERR_ENVIRONMENT
 */
export function specOf(environment: Environment, name: string, id: string): EnvSpec {
  const [wrong] = problemsOfProperties(environment)
  if (wrong !== undefined) throw new GogepoError('ERR_ENVIRONMENT', `${name}: ${wrong.problem}. ${wrong.fix}`)
  const {
    observationSpace,
    actionSpace,
    returnRange = [NaN, NaN],
    timeLimit = longestEpisode,
    survivalBonus = 0,
    trainingSteps = 100_000,
    evaluateEvery = 1_000,
  } = environment
  const discrete = isDiscrete(actionSpace)
  const actionSize = discrete ? actionSpace.n : sizeOf(actionSpace)
  const bounds = (of: (space: Box, i: number) => number): number[] =>
    discrete ? [] : Array.from({ length: actionSize }, (_, i) => of(actionSpace, i))
  return {
    id,
    observationSize: sizeOf(observationSpace),
    actionSize,
    discrete,
    actionLow: bounds(lowOf),
    actionHigh: bounds(highOf),
    returnMin: returnRange[0],
    returnMax: returnRange[1],
    maxEpisodeSteps: timeLimit,
    survivalBonus,
    trainingSteps,
    evaluateEvery,
    source: name,
    options: [],
  }
}

export const isDiscrete = (space: Box | Discrete): space is Discrete =>
  typeof space === 'object' && space !== null && 'n' in space

/** Numbers in it. */
export function sizeOf({ shape, low, high }: Box): number {
  if (shape !== undefined) return shape.reduce((product, n) => product * n, 1)
  return Array.isArray(low) ? low.length : Array.isArray(high) ? high.length : 1
}
export const lowOf = ({ low = -Infinity }: Box, i: number): number => (typeof low === 'number' ? low : low[i]!)
export const highOf = ({ high = Infinity }: Box, i: number): number => (typeof high === 'number' ? high : high[i]!)

function problemOfBox(space: Box): string | undefined {
  if (typeof space !== 'object' || space === null) return `is ${describe(space)}`
  const { shape, low, high } = space
  if (
    shape === undefined &&
    !Array.isArray(low) &&
    !Array.isArray(high) &&
    (typeof low !== 'number' || typeof high !== 'number')
  )
    return 'does not say how many numbers there are'
  if (
    shape !== undefined &&
    !(
      Array.isArray(shape) &&
      shape.length > 0 &&
      shape.length <= mostDimensions &&
      shape.every((n) => Number.isSafeInteger(n) && n >= 1)
    )
  )
    return `has the shape ${describe(shape)}`
  const size = sizeOf(space)
  if (size < 1 || size > largest) return `has ${size} numbers`
  for (const [name, bound] of Object.entries({ low, high })) {
    if (Array.isArray(bound) && bound.length !== size)
      return `has ${bound.length} numbers in ${name}, and ${size} by its ${shape ? 'shape' : 'other bound'}`
    if (
      bound !== undefined &&
      typeof bound !== 'number' &&
      !(Array.isArray(bound) && bound.every((b) => typeof b === 'number'))
    )
      return `has the bound ${name} ${describe(bound)}`
  }
  for (let i = 0; i < size; i++)
    if (!(lowOf(space, i) < highOf(space, i)))
      return `has a low of ${lowOf(space, i)} and a high of ${highOf(space, i)} in place ${i}`
  return undefined
}

/** What is wrong with an observation; undefined when nothing is. */
export function problemOfObservation(observation: unknown, space: Box): Problem | undefined {
  const size = sizeOf(space)
  const shape = (space.shape ?? [size]).join(' × ')
  if (!Array.isArray(observation) && !(observation instanceof Float32Array) && !(observation instanceof Float64Array))
    return {
      problem: `the observation is ${describe(observation)}`,
      fix: `Return a Float32Array or an array of ${size} numbers.`,
    }
  if (observation.length !== size)
    return {
      problem: `the observation has ${observation.length} numbers, and observationSpace ${size}`,
      fix: `Return ${size} numbers (shape ${shape}, row by row), or correct observationSpace.`,
    }
  for (let i = 0; i < size; i++) {
    const value: unknown = observation[i]
    if (typeof value !== 'number')
      return {
        problem: `the observation’s number ${i} is ${describe(value)}`,
        fix: 'Return numbers alone; flatten what is nested, row by row.',
      }
    if (!Number.isFinite(Math.fround(value)))
      return {
        problem: `the observation’s number ${i} is ${value}`,
        fix: 'Return finite numbers of single precision; look for a division by zero, a logarithm or a root of something negative, or a missing value.',
      }
  }
  return undefined
}

/** What is wrong with what step returned, its observation left aside. */
export function problemOfStep(step: unknown): Problem | undefined {
  const fix = 'Return { observation, reward, terminated, truncated } from step.'
  if (typeof step !== 'object' || step === null || Array.isArray(step))
    return { problem: `step returned ${describe(step)}`, fix }
  const { reward, terminated, truncated } = step as Partial<EnvironmentStep>
  if (typeof reward !== 'number')
    return { problem: `the reward is ${describe(reward)}`, fix: 'Return the reward as one number.' }
  if (!Number.isFinite(reward))
    return {
      problem: `the reward is ${reward}`,
      fix: 'Return a finite reward; look for a division by zero, a logarithm or a root of something negative, or a missing value.',
    }
  for (const [name, value] of Object.entries({ terminated, truncated }))
    if (typeof value !== 'boolean')
      return { problem: `${name} is ${describe(value)}`, fix: `${fix} terminated and truncated are true or false.` }
  return undefined
}

/** What reset returned, as an observation. */
export const observationOf = (reset: Observation | { observation: Observation }): Observation =>
  typeof reset === 'object' && reset !== null && 'observation' in reset ? reset.observation : reset

/** What was thrown, and what that was because of: `fetch failed` alone says little. */
export function thrownInWords(error: unknown): string {
  if (!(error instanceof Error)) return describe(error)
  const { cause } = error
  const because = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || cause.name : ''
  return `${error.name}: ${error.message}${because && ` (${because})`}`
}
