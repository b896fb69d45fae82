/** A user-defined task in TypeScript, in Gymnasium's terms. How to write one: docs/environments.md. */
import { GogepoError } from '../base/errors.js'
import { count, describe, plural } from '../base/words.js'
import type { EnvSpec } from '../native/contract.js'
import { settleOrThrow } from './settle-or-throw.js'

/**
 * An array whose elements are between low and high. A bound is one number for all elements, or a list; `shape` is
 * needed if neither is a list.
 */
export interface Box {
  readonly low?: number | readonly number[]
  readonly high?: number | readonly number[]
  readonly shape?: readonly number[]
}

/** One of n choices: 0 … n − 1. */
export interface Discrete {
  readonly n: number
}

/** Flattened in row-major order if its space has several dimensions. It is copied at once. */
export type Observation = Float32Array | Float64Array | readonly number[]

/** The result of one step of an episode. */
export interface EnvironmentStep {
  /** The observation after the step: (O) finite values within the range of single precision. */
  observation: Observation
  /** Finite. */
  reward: number
  /** The episode has reached a terminal state of the task. */
  terminated: boolean
  /** The episode has ended for any other reason, such as a time limit that the task keeps. */
  truncated: boolean
}

/**
 * A task: what a policy acts in (paper, section 2). Each object runs one episode at a time; several objects run side by
 * side, so they must not share state. `reset` and `step` may be async. If they return something invalid or throw, the
 * run ends with ERR_ENVIRONMENT, whose `cause` is what was thrown; the run can be resumed.
 */
export interface Environment {
  /** The bounds may be left out: observations are not scaled by them. */
  readonly observationSpace: Box
  /** A Box needs finite bounds: the policy's actions are scaled to them. */
  readonly actionSpace: Box | Discrete

  /**
   * Begins an episode.
   * @param seed an unsigned 32-bit integer; the same seed must start the same episode
   * @returns the first observation, (O)
   */
  reset(seed: number): Observation | { observation: Observation } | Promise<Observation | { observation: Observation }>
  /**
   * Runs one time step.
   * @param action for a Box, an array of (A) values within its bounds, which the task may keep; for a Discrete, the
   * choice, from 0
   */
  step(action: Float32Array | number): EnvironmentStep | Promise<EnvironmentStep>
  /** Called when the object is no longer needed. */
  close?(): void | Promise<void>

  /**
   * The lowest and highest return that can be commanded, in stored units. If left out, the settings returnMin and
   * returnMax are required.
   */
  readonly returnRange?: readonly [low: number, high: number]
  /** Steps after which an episode is ended. */
  readonly timeLimit?: number
  /**
   * Included in the reward of each step that does not terminate; stored returns exclude it (setting
   * removeSurvivalBonus).
   */
  readonly survivalBonus?: number
  /** The usual training budget, in steps; 100,000 when left out. */
  readonly trainingSteps?: number
  /** Steps between evaluations; 1,000 when left out. */
  readonly evaluateEvery?: number
}

/**
 * Makes an environment; it is called several times, since environments run side by side. A class without arguments, or
 * a function.
 */
export type EnvironmentFactory = (new () => Environment) | (() => Environment | Promise<Environment>)

/** The most elements of an observation or an action, and the most choices. */
const largest = 1 << 20
const mostDimensions = 64 // of a shape, as in NumPy

/** A task without a time limit whose episode is longer than this is considered never to end. */
export const longestEpisode = 100_000

/** @throws GogepoError ERR_ENVIRONMENT with what the factory threw as its cause */
export async function makeEnvironment(factory: EnvironmentFactory, name: string): Promise<Environment> {
  if (typeof factory !== 'function')
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${name}: expected a class or a function that makes an environment, got ${describe(factory)}. A single environment is not enough, since several run side by side: pass () => new MyTask().`,
    )
  let environment: unknown
  try {
    // Arrow and async functions have no prototype; everything else can be called with new.
    environment =
      factory.prototype === undefined ? (factory as () => unknown)() : new (factory as new () => Environment)()
    if (environment instanceof Promise)
      environment = await settleOrThrow(environment, `${name}: the function that makes environments`)
  } catch (error) {
    if (error instanceof GogepoError) throw error
    throw new GogepoError('ERR_ENVIRONMENT', `${name}: the environment could not be created: ${thrownInWords(error)}`, {
      cause: error,
    })
  }
  if (typeof environment !== 'object' || environment === null)
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${name}: expected an environment, got ${describe(environment)}. The class or function must make an object with observationSpace, actionSpace, reset and step.`,
    )
  return environment as Environment
}

/** A problem with an environment, as a clause, and its fix, as a sentence. */
export interface Problem {
  problem: string
  fix: string
}

/** The problems with an environment's properties. */
export function problemsOfProperties(environment: Environment): Problem[] {
  const problems: Problem[] = []
  const { observationSpace, actionSpace, returnRange, timeLimit, survivalBonus, trainingSteps, evaluateEvery } =
    environment
  const add = (problem: string, fix: string): void => void problems.push({ problem, fix })

  for (const method of ['reset', 'step'] as const)
    if (typeof environment[method] !== 'function')
      add(
        `${method} ${isWhat(environment[method])}`,
        `Write a method ${method === 'reset' ? 'reset(seed) that returns the first observation' : 'step(action) that returns { observation, reward, terminated, truncated }'}.`,
      )
  const observations = problemOfBox(observationSpace)
  if (observations !== undefined)
    add(
      `observationSpace ${observations}`,
      'Set observationSpace = { shape: [n] }, or { low: […], high: […] } with one bound per element of an observation.',
    )
  if (isDiscrete(actionSpace)) {
    if (!Number.isSafeInteger(actionSpace.n) || actionSpace.n < 2 || actionSpace.n > largest)
      add(
        `actionSpace.n ${isWhat(actionSpace.n)}`,
        `Set actionSpace = { n } with a whole number of choices from 2 to ${largest}.`,
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
        'Set actionSpace = { low: […], high: […] } with two finite bounds per element of an action, or { n } for n choices.',
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
      'Set returnRange = [lowest, highest], the range of returns that can be commanded.',
    )
  for (const [name, value] of Object.entries({ timeLimit, trainingSteps, evaluateEvery }))
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      add(`${name} is ${describe(value)}`, `Set ${name} to a whole number of steps of at least 1, or leave it out.`)
  if (survivalBonus !== undefined && !Number.isFinite(survivalBonus))
    add(
      `survivalBonus is ${describe(survivalBonus)}`,
      'Set survivalBonus to the part of the reward that is paid for each step alive, or leave it out.',
    )
  return problems
}

/**
 * What the rest of gogepo needs to know about an environment. A range of returns that it does not declare is NaN.
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

/** The number of elements. */
export function sizeOf({ shape, low, high }: Box): number {
  if (shape !== undefined) return shape.reduce((product, n) => product * n, 1)
  return Array.isArray(low) ? low.length : Array.isArray(high) ? high.length : 1
}
export const lowOf = ({ low = -Infinity }: Box, i: number): number => (typeof low === 'number' ? low : low[i]!)
export const highOf = ({ high = Infinity }: Box, i: number): number => (typeof high === 'number' ? high : high[i]!)

/** An action of single precision whose elements stay within the bounds, as those of policies do. */
export function actionOf(space: Box, element: (i: number) => number): Float32Array {
  return Float32Array.from({ length: sizeOf(space) }, (_, i) => {
    const value = Math.fround(element(i))
    if (value > highOf(space, i)) return -nextAbove(-value)
    return value < lowOf(space, i) ? nextAbove(value) : value
  })
}

/** The smallest number of single precision above this one. */
function nextAbove(value: number): number {
  if (value === 0) return 2 ** -149
  const bits = new Int32Array(Float32Array.of(value).buffer)
  bits[0]! += value > 0 ? 1 : -1
  return new Float32Array(bits.buffer)[0]!
}

const isWhat = (value: unknown): string => (value === undefined ? 'is missing' : `is ${describe(value)}`)

/** What is wrong with a Box, as a predicate; undefined if nothing is. */
function problemOfBox(space: Box): string | undefined {
  if (typeof space !== 'object' || space === null) return isWhat(space)
  const { shape, low, high } = space
  if (
    shape === undefined &&
    !Array.isArray(low) &&
    !Array.isArray(high) &&
    (typeof low !== 'number' || typeof high !== 'number')
  )
    return 'does not determine the number of elements'
  if (
    shape !== undefined &&
    !(
      Array.isArray(shape) &&
      shape.length > 0 &&
      shape.length <= mostDimensions &&
      shape.every((n) => Number.isSafeInteger(n) && n >= 1)
    )
  )
    return `has an invalid shape, ${describe(shape)}`
  const size = sizeOf(space)
  if (size < 1 || size > largest) return `has ${plural(size, 'element')}, but must have 1 to ${count(largest)}`
  for (const [name, bound] of Object.entries({ low, high })) {
    if (Array.isArray(bound) && bound.length !== size)
      return `has ${plural(bound.length, 'element')} in ${name}, but ${size} according to its ${shape ? 'shape' : 'other bound'}`
    if (
      bound !== undefined &&
      typeof bound !== 'number' &&
      !(Array.isArray(bound) && bound.every((b) => typeof b === 'number'))
    )
      return `has an invalid bound: ${name} ${isWhat(bound)}`
  }
  for (let i = 0; i < size; i++)
    if (!(lowOf(space, i) < highOf(space, i)))
      return `must have low below high, but element ${i} has low ${lowOf(space, i)} and high ${highOf(space, i)}`
  return undefined
}

const lookFor = 'look for a division by zero, the logarithm or square root of a negative number, or a missing value'

/** What is wrong with an observation; undefined if nothing is. */
export function problemOfObservation(observation: unknown, space: Box): Problem | undefined {
  const size = sizeOf(space)
  const shape = (space.shape ?? [size]).join(' × ')
  if (!Array.isArray(observation) && !(observation instanceof Float32Array) && !(observation instanceof Float64Array))
    return {
      problem: `the observation is ${describe(observation)}`,
      fix: `Return a Float32Array, a Float64Array or an array with ${plural(size, 'element')}.`,
    }
  if (observation.length !== size)
    return {
      problem: `the observation has ${plural(observation.length, 'element')}, but observationSpace has ${size}`,
      fix: `Return ${plural(size, 'element')} (shape ${shape}, in row-major order), or correct observationSpace.`,
    }
  for (let i = 0; i < size; i++) {
    const value: unknown = observation[i]
    if (typeof value !== 'number')
      return {
        problem: `element ${i} of the observation is ${describe(value)}`,
        fix: 'Return only numbers; flatten nested arrays in row-major order.',
      }
    if (!Number.isFinite(Math.fround(value)))
      return {
        problem: `element ${i} of the observation is ${value}`,
        fix: `Return finite numbers within the range of single precision; ${lookFor}.`,
      }
  }
  return undefined
}

/** What is wrong with the result of step, apart from its observation; undefined if nothing is. */
export function problemOfStep(step: unknown): Problem | undefined {
  const fix = 'Return { observation, reward, terminated, truncated } from step.'
  if (typeof step !== 'object' || step === null || Array.isArray(step))
    return { problem: `step returned ${describe(step)}`, fix }
  const { reward, terminated, truncated } = step as Partial<EnvironmentStep>
  if (typeof reward !== 'number')
    return { problem: `the reward ${isWhat(reward)}`, fix: 'Return the reward as a single number.' }
  if (!Number.isFinite(reward))
    return {
      problem: `the reward is ${reward}`,
      fix: `Return a finite reward; ${lookFor}.`,
    }
  for (const [name, value] of Object.entries({ terminated, truncated }))
    if (typeof value !== 'boolean')
      return { problem: `${name} ${isWhat(value)}`, fix: `${fix} Both terminated and truncated must be true or false.` }
  return undefined
}

/** The observation in what reset returned. */
export const observationOf = (reset: Observation | { observation: Observation }): Observation =>
  typeof reset === 'object' && reset !== null && 'observation' in reset ? reset.observation : reset

/** Describes what was thrown, including its cause: `fetch failed` alone says little. */
export function thrownInWords(error: unknown): string {
  if (!(error instanceof Error)) return describe(error)
  const { cause } = error
  const because = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || cause.name : ''
  return `${error.name}: ${error.message}${because && ` (${because})`}`
}
