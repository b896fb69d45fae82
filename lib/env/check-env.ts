/** Runs a user-defined task to find common mistakes, and says how to fix each. */
import {
  actionOf,
  highOf,
  isDiscrete,
  longestEpisode,
  lowOf,
  makeEnvironment,
  observationOf,
  problemOfObservation,
  problemOfStep,
  problemsOfProperties,
  thrownInWords,
  type Box,
  type Discrete,
  type Environment,
  type EnvironmentFactory,
  type EnvironmentStep,
  type Observation,
  type Problem,
} from './environment.js'
import { requireArgument } from '../base/arguments.js'
import { callback, either, plainObject } from '../base/values.js'
import { GogepoError } from '../base/errors.js'
import { isSingleRange } from '../base/single.js'
import { describe, short } from '../base/words.js'
import {
  advice,
  problemOfReturns,
  problemOfReturnVariation,
  problemOfSize,
  problemOfVariation,
  proposedRange,
  sampleEpisodes,
} from './sampled-episodes.js'
import { settleOrThrow } from './settle-or-throw.js'

/** The kinds of mistakes that `checkEnv` finds. */
export type FindingKind =
  | 'properties'
  | 'observation'
  | 'observation-space'
  | 'step'
  | 'threw'
  | 'reset-not-reproducible'
  | 'step-not-reproducible'
  | 'goes-on-after-its-end'
  | 'no-end'
  | 'no-return-range'
  | 'return-range'
  | 'variation-lost'
  | 'array-changed'
  | 'action-changed'
  | 'state-shared'

/** A mistake that was found, and how to fix it. Only the first mistake of each kind is reported. */
export interface Finding extends Problem {
  kind: FindingKind
}

/** The length of episodes that are compared with each other, in steps. */
const compared = 200
/** An episode without a time limit that is longer than this is reported as never ending. */
const patience = 10_000

/** Thrown inside the check to abandon an episode that cannot continue. */
class Ended extends Error {}

/**
 * Runs environments with random actions for a few hundred steps, past the end of an episode and with the most extreme
 * actions, and looks for mistakes. Never rejects because of the task: an error that it throws is a finding.
 * @param environments a factory; or a single environment, for which shared state cannot be detected
 * @returns the mistakes that were found, each with its fix; empty if there are none
 */
export async function checkEnv(environments: EnvironmentFactory | Environment): Promise<Finding[]> {
  requireArgument('checkEnv', 'the task', either(callback, plainObject), environments)
  return (await checkTask(environments)).findings
}

/** What a check found. */
export interface Checked {
  findings: Finding[]
  /** Returns of whole episodes with random and constant actions, in stored units. */
  returns: number[]
  /** A range of returns to begin with; absent where no episode ended. */
  proposedRange?: [low: number, high: number]
}

/** How a task is checked. */
export interface CheckOptions {
  /** Fixes in the words of the task's own language. */
  fixes?: Partial<Record<FindingKind, string>>
  /** What is not looked for: the task's form makes it impossible. */
  without?: readonly FindingKind[]
}

/** Does what `checkEnv` does, and also returns what the sampled episodes came to. */
export async function checkTask(
  environments: EnvironmentFactory | Environment,
  options: CheckOptions = {},
): Promise<Checked> {
  const check = new Check(options)
  const made: Environment[] = []
  const make = async (): Promise<Environment> => {
    if (typeof environments !== 'function') return environments
    const environment = await makeEnvironment(environments, 'The task')
    made.push(environment)
    return environment
  }
  try {
    const first = await make()
    for (const problem of problemsOfProperties(first)) check.add('properties', problem)
    if (check.findings.length > 0) return { findings: check.findings, returns: [] } // others would only follow from these
    if (first.returnRange === undefined)
      check.add('no-return-range', {
        problem: 'returnRange is missing',
        fix: 'Set returnRange = [lowest, highest], the range of returns that can be commanded, or train with --set returnMin=… --set returnMax=…',
      })
    else if (!isSingleRange(...first.returnRange))
      check.add('return-range', {
        problem: `returnRange is [${first.returnRange.join(', ')}], but single precision, in which returns are learned, cannot tell these apart, or cannot hold them or their difference`,
        fix: 'Rescale or shift the rewards.',
      })
    await check.episodes(first, typeof environments === 'function' ? await make() : undefined)
    // Mistakes change what an episode returns.
    if (check.findings.every(({ kind }) => kind === 'no-return-range')) await check.samples(first)
  } catch (error) {
    if (error instanceof GogepoError) check.add('threw', { problem: error.message.replace(/\.$/, ''), fix: fixError })
    else if (!(error instanceof Ended)) throw error
  } finally {
    for (const environment of made)
      try {
        await settleOrThrow(Promise.resolve(environment.close?.()), 'close')
      } catch (error) {
        check.add('threw', { problem: `close threw ${thrownInWords(error)}`, fix: fixError })
      }
  }
  const range = proposedRange(check.returns)
  return { findings: check.findings, returns: check.returns, ...(range && { proposedRange: range }) }
}

const fixError = 'Fix the cause of this error.'

/** What an episode produced. */
interface Track {
  observations: number[][]
  rewards: number[]
}

class Check {
  readonly findings: Finding[] = []
  returns: number[] = []

  constructor(private readonly options: CheckOptions) {}

  add(kind: FindingKind, { problem, fix }: Problem): void {
    const { fixes, without } = this.options
    if (without?.includes(kind)) return
    if (kind === 'properties' || !this.findings.some((finding) => finding.kind === kind))
      this.findings.push({ kind, problem, fix: fixes?.[kind] ?? fix })
  }

  async episodes(first: Environment, second: Environment | undefined): Promise<void> {
    const once = await this.track(first, 1)
    await this.wholeEpisode(first, 2)
    const again = await this.track(first, 1)
    const difference = differenceOf(once, again)
    if (difference === 0)
      this.add('reset-not-reproducible', {
        problem: 'two resets with the same seed returned different first observations',
        fix: 'Make reset(seed) initialize all state, and take random numbers from a generator that it seeds, never from Math.random, the time, or what the last episode left behind.',
      })
    else if (difference > 0)
      this.add('step-not-reproducible', {
        problem: `after a reset with the same seed and the same actions, step ${difference} returned something else`,
        fix: 'Take random numbers from a generator that reset(seed) seeds, and make reset initialize everything that step reads; never use Math.random or the time.',
      })
    else if (second !== undefined) await this.interleaved(first, second, once)
    await this.extremes(first)
  }

  /** Compares what simple policies return and observe with what the task declares. */
  async samples(environment: Environment): Promise<void> {
    const calls = {
      reset: (seed: number) => this.reset(environment, seed),
      step: (action: Float32Array | number) => this.step(environment, action),
    }
    const sampled = await sampleEpisodes(environment, calls, generator(5))
    const tooLarge = problemOfSize(sampled)
    if (tooLarge !== undefined) return this.add('return-range', tooLarge)
    this.returns = sampled.returns
    const unresolved = problemOfVariation(sampled) ?? problemOfReturnVariation(sampled)
    if (unresolved !== undefined) this.add('variation-lost', unresolved)
    if (environment.returnRange === undefined) return this.proposeRange()
    const wrong = problemOfReturns(environment.returnRange, sampled)
    if (wrong !== undefined) this.add('return-range', wrong)
  }

  /** Adds a range to the advice to declare one. */
  private proposeRange(): void {
    const finding = this.findings.find(({ kind }) => kind === 'no-return-range')
    if (finding !== undefined && this.returns.length > 0)
      finding.fix += `. Episodes with random and constant actions returned ${short(Math.min(...this.returns))} to ${short(Math.max(...this.returns))}: ${advice(this.returns)}.`
  }

  /** Runs the beginning of an episode with random actions that depend only on the seed. */
  private async track(environment: Environment, seed: number, between?: () => Promise<unknown>): Promise<Track> {
    const random = generator(seed)
    const track: Track = { observations: [[...(await this.reset(environment, seed))]], rewards: [] }
    for (let i = 0; i < compared; i++) {
      await between?.()
      const step = await this.step(environment, randomAction(environment.actionSpace, random))
      track.observations.push([...step.observation])
      track.rewards.push(step.reward)
      if (step.terminated || step.truncated) break
    }
    return track
  }

  /** Runs an episode to its end, and one step further. */
  private async wholeEpisode(environment: Environment, seed: number): Promise<void> {
    const random = generator(seed)
    const { timeLimit = patience } = environment
    await this.reset(environment, seed)
    for (let length = 1; length <= Math.min(timeLimit, longestEpisode); length++) {
      const { terminated, truncated } = await this.step(environment, randomAction(environment.actionSpace, random))
      if (!terminated && !truncated) continue
      return this.afterItsEnd(environment, randomAction(environment.actionSpace, random))
    }
    if (environment.timeLimit === undefined)
      this.add('no-end', {
        problem: `an episode of ${patience} steps did not end, and there is no timeLimit`,
        fix: 'Set timeLimit to the number of steps after which an episode ends, or return terminated: true when the task is over.',
      })
  }

  private async afterItsEnd(environment: Environment, action: Float32Array | number): Promise<void> {
    let step: EnvironmentStep
    try {
      step = await settleOrThrow(Promise.resolve(environment.step(action)), 'step')
    } catch (error) {
      if (error instanceof GogepoError) throw error
      return // throwing here is allowed
    }
    if (step?.terminated === false && step?.truncated === false)
      this.add('goes-on-after-its-end', {
        problem: 'after the end of an episode, another step returned neither terminated nor truncated',
        fix: 'After the end of an episode, throw from step until reset is called, or keep returning terminated: true; do not let the end depend on one exact step.',
      })
  }

  /** Alternates between the steps of two environments: each must behave as if it were alone. */
  private async interleaved(first: Environment, second: Environment, alone: Track): Promise<void> {
    const random = generator(3)
    let running = false
    const other = async (): Promise<void> => {
      if (!running) await this.reset(second, 3)
      const { terminated, truncated } = await this.step(second, randomAction(second.actionSpace, random))
      running = !terminated && !truncated
    }
    if (differenceOf(alone, await this.track(first, 1, other)) >= 0)
      this.add('state-shared', {
        problem: 'an episode changed because a second environment ran at the same time',
        fix: 'Keep all state in the object (this.…), not in variables of the module or in static fields; the class or function must make environments that share nothing.',
      })
  }

  /** Runs episodes with every choice, or with all elements of the action at their lower or upper bounds. */
  private async extremes(environment: Environment): Promise<void> {
    const { actionSpace } = environment
    const actions = isDiscrete(actionSpace)
      ? Array.from({ length: Math.min(actionSpace.n, 100) }, (_, i) => i)
      : [lowOf, highOf].map((bound) => actionOf(actionSpace, (i) => bound(actionSpace, i)))
    for (const action of actions) {
      await this.reset(environment, 4)
      for (let i = 0; i < 50; i++) {
        const { terminated, truncated } = await this.step(
          environment,
          typeof action === 'number' ? action : action.slice(),
        )
        if (terminated || truncated) break
      }
    }
  }

  private async reset(environment: Environment, seed: number): Promise<Observation> {
    let returned
    try {
      returned = await settleOrThrow(Promise.resolve(environment.reset(seed)), 'reset')
    } catch (error) {
      if (error instanceof GogepoError) throw error
      return this.stop('threw', {
        problem: `reset(${seed}) threw ${thrownInWords(error)}`,
        fix: 'Fix the cause of this error; reset must accept any unsigned 32-bit integer.',
      })
    }
    return this.observed(observationOf(returned), environment, 'reset')
  }

  private async step(environment: Environment, action: Float32Array | number): Promise<EnvironmentStep> {
    const given = typeof action === 'number' ? undefined : action.slice()
    const words = typeof action === 'number' ? String(action) : `[${action.join(', ')}]`
    let step
    try {
      step = await settleOrThrow(Promise.resolve(environment.step(action)), 'step')
    } catch (error) {
      if (error instanceof GogepoError) throw error
      return this.stop('threw', {
        problem: `step(${words.slice(0, 80)}) threw ${thrownInWords(error)}`,
        fix: 'Fix the cause of this error; step must accept every action in actionSpace, including its bounds.',
      })
    }
    if (given?.some((value, i) => value !== (action as Float32Array)[i]))
      this.add('action-changed', {
        problem: 'step modified the action that was passed to it',
        fix: 'Copy the action before modifying it: const copy = action.slice()',
      })
    const wrong = problemOfStep(step)
    if (wrong !== undefined) this.stop('step', wrong)
    this.observed(step.observation, environment, 'step')
    return step
  }

  private readonly last = new WeakMap<Environment, { array: Observation; copy: number[] }>()

  private observed(observation: Observation, environment: Environment, method: 'reset' | 'step'): Observation {
    // Well-formed?
    const wrong = problemOfObservation(observation, environment.observationSpace)
    if (wrong !== undefined) this.stop('observation', { problem: `${method}: ${wrong.problem}`, fix: wrong.fix })

    // Still the same as when it was returned?
    const before = this.last.get(environment)
    if (before?.copy.some((value, i) => !Object.is(value, before.array[i])))
      this.add('array-changed', {
        problem: `the array of an observation was modified by the next call of ${method}`,
        fix: 'Return a new array each time, such as [...this.state] or this.state.slice(), so that observations can be kept.',
      })
    const copy = [...observation]
    this.last.set(environment, { array: observation, copy })

    // Within its bounds, also after rounding to single precision?
    const { observationSpace } = environment
    const out = copy.findIndex(
      (value, i) =>
        (value < Math.fround(lowOf(observationSpace, i)) && value < lowOf(observationSpace, i)) ||
        (value > Math.fround(highOf(observationSpace, i)) && value > highOf(observationSpace, i)),
    )
    if (out >= 0)
      this.add('observation-space', {
        problem: `${method}: element ${out} of the observation is ${describe(copy[out])}, but observationSpace allows ${lowOf(observationSpace, out)} to ${highOf(observationSpace, out)}`,
        fix: 'Widen the bounds of observationSpace, leave them out, or keep the observation within them.',
      })
    return observation
  }

  private stop(kind: FindingKind, problem: Problem): never {
    this.add(kind, problem)
    throw new Ended()
  }
}

/** Where two tracks first differ: 0 is the first observation, n is the result of step n, and −1 means nowhere. */
function differenceOf(a: Track, b: Track): number {
  const same = (x: number[] | undefined, y: number[] | undefined): boolean =>
    x?.length === y?.length && (x ?? []).every((value, i) => Object.is(value, y![i]))
  for (let i = 0; i < Math.max(a.observations.length, b.observations.length); i++)
    if (!same(a.observations[i], b.observations[i]) || (i > 0 && !Object.is(a.rewards[i - 1], b.rewards[i - 1])))
      return i
  return -1
}

/** Uniform samples in [0, 1) from a 32-bit xorshift, which is good enough for trying out actions. */
function generator(seed: number): () => number {
  let bits = (seed * 0x9e3779b1) | 0
  return () => {
    bits ^= bits << 13
    bits ^= bits >>> 17
    bits ^= bits << 5
    return (bits >>> 0) / 2 ** 32
  }
}

function randomAction(space: Box | Discrete, random: () => number): Float32Array | number {
  if (isDiscrete(space)) return Math.floor(random() * space.n)
  return actionOf(space, (i) => lowOf(space, i) + random() * (highOf(space, i) - lowOf(space, i)))
}
