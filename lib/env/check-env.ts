/** Looks for what goes wrong in tasks of one's own, by running one, and says what to do. */
import {
  highOf,
  isDiscrete,
  longestEpisode,
  lowOf,
  makeEnvironment,
  observationOf,
  problemOfObservation,
  problemOfStep,
  problemsOfProperties,
  sizeOf,
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
import { describe } from '../base/words.js'
import { settleOrThrow } from './settle-or-throw.js'

/** What `checkEnv` looks for. */
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
  | 'array-changed'
  | 'action-changed'
  | 'state-shared'

/** One thing that is wrong: what was seen, and what to do. Of each kind the first that was seen. */
export interface Finding extends Problem {
  kind: FindingKind
}

/** Steps of each episode that is only compared with another. */
const compared = 200
/** Steps after which an episode without a time limit counts as one that does not end. */
const patience = 10_000

/** Thrown within to leave an episode that cannot go on. */
class Ended extends Error {}

/**
 * Runs environments with random actions for some hundred steps, to the end of an episode and into the corners of the space of actions, and looks for mistakes.
 * Never rejects because of the task: what it throws is a finding.
 * @param environments what makes them; or one alone, of which cannot be seen whether it shares its state with others
 * @returns what is wrong, each with what to do; empty when nothing was seen
 */
export async function checkEnv(environments: EnvironmentFactory | Environment): Promise<Finding[]> {
  requireArgument('checkEnv', 'the task', either(callback, plainObject), environments)
  const check = new Check()
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
    if (check.findings.length > 0) return check.findings // the rest follows from these
    if (first.returnRange === undefined)
      check.add('no-return-range', {
        problem: 'returnRange is missing',
        fix: 'Give returnRange = [lowest, highest], the returns that can be asked for; or train with --set returnMin=… --set returnMax=…',
      })
    await check.episodes(first, typeof environments === 'function' ? await make() : undefined)
  } catch (error) {
    if (error instanceof GogepoError)
      check.add('threw', { problem: error.message.replace(/\.$/, ''), fix: 'Mend what it says.' })
    else if (!(error instanceof Ended)) throw error
  } finally {
    for (const environment of made)
      try {
        await settleOrThrow(Promise.resolve(environment.close?.()), 'close')
      } catch (error) {
        check.add('threw', { problem: `close threw ${thrownInWords(error)}`, fix: 'Mend what it says.' })
      }
  }
  return check.findings
}

interface Track {
  observations: number[][]
  rewards: number[]
}

class Check {
  readonly findings: Finding[] = []

  add(kind: FindingKind, { problem, fix }: Problem): void {
    if (kind === 'properties' || !this.findings.some((finding) => finding.kind === kind))
      this.findings.push({ kind, problem, fix })
  }

  async episodes(first: Environment, second: Environment | undefined): Promise<void> {
    const once = await this.track(first, 1)
    await this.wholeEpisode(first, 2)
    const again = await this.track(first, 1)
    const difference = differenceOf(once, again)
    if (difference === 0)
      this.add('reset-not-reproducible', {
        problem: 'reset with the same seed gave another first observation',
        fix: 'Let reset(seed) set everything that changes, and draw what is random from a generator that it seeds; never from Math.random, the time, or what the last episode left behind.',
      })
    else if (difference > 0)
      this.add('step-not-reproducible', {
        problem: `after reset with the same seed and the same actions, step ${difference} gave something else`,
        fix: 'Draw what is random from a generator that reset(seed) seeds, and let reset set everything that step reads; never use Math.random or the time.',
      })
    else if (second !== undefined) await this.apart(first, second, once)
    await this.extremes(first)
  }

  /** Some steps of an episode with random actions that the seed decides. */
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

  /** To its end, and a step beyond. */
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
        fix: 'Give timeLimit = the number of steps after which an episode ends, or return terminated: true when the task is over.',
      })
  }

  private async afterItsEnd(environment: Environment, action: Float32Array | number): Promise<void> {
    let step: EnvironmentStep
    try {
      step = await settleOrThrow(Promise.resolve(environment.step(action)), 'step')
    } catch (error) {
      if (error instanceof GogepoError) throw error
      return // refused, as it may be
    }
    if (step?.terminated === false && step?.truncated === false)
      this.add('goes-on-after-its-end', {
        problem: 'after an episode had ended, another step said that it had not',
        fix: 'Once an episode has ended, throw from step until reset is called, or go on saying terminated: true; an end that depends on one exact step is easily missed.',
      })
  }

  /** Two at once, in turns: each as if it were alone. */
  private async apart(first: Environment, second: Environment, alone: Track): Promise<void> {
    const random = generator(3)
    let running = false
    const other = async (): Promise<void> => {
      if (!running) await this.reset(second, 3)
      const { terminated, truncated } = await this.step(second, randomAction(second.actionSpace, random))
      running = !terminated && !truncated
    }
    if (differenceOf(alone, await this.track(first, 1, other)) >= 0)
      this.add('state-shared', {
        problem: 'an episode went another way while a second environment was run beside it',
        fix: 'Keep all state in the object (this.…), not in variables of the module or static ones; each call of the class or function must make one that shares nothing.',
      })
  }

  /** The corners of the space of actions. */
  private async extremes(environment: Environment): Promise<void> {
    const { actionSpace } = environment
    const actions = isDiscrete(actionSpace)
      ? Array.from({ length: Math.min(actionSpace.n, 100) }, (_, i) => i)
      : [lowOf, highOf].map((bound) =>
          Float32Array.from({ length: sizeOf(actionSpace) }, (_, i) => bound(actionSpace, i)),
        )
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
        fix: 'Mend what it says; reset takes any whole number of 32 bits.',
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
        fix: 'Mend what it says; step takes every action of actionSpace, its ends included.',
      })
    }
    if (given?.some((value, i) => value !== (action as Float32Array)[i]))
      this.add('action-changed', {
        problem: 'step changed the action that it was given',
        fix: 'Copy the action before changing it: const mine = action.slice()',
      })
    const wrong = problemOfStep(step)
    if (wrong !== undefined) this.stop('step', wrong)
    this.observed(step.observation, environment, 'step')
    return step
  }

  private readonly last = new WeakMap<Environment, { array: Observation; copy: number[] }>()

  private observed(observation: Observation, environment: Environment, method: 'reset' | 'step'): Observation {
    const wrong = problemOfObservation(observation, environment.observationSpace)
    if (wrong !== undefined) this.stop('observation', { problem: `${method}: ${wrong.problem}`, fix: wrong.fix })
    const before = this.last.get(environment)
    if (before?.copy.some((value, i) => !Object.is(value, before.array[i])))
      this.add('array-changed', {
        problem: `the array of an observation was changed by the ${method} after it`,
        fix: 'Return a new array each time, such as [...this.state] or this.state.slice(): whoever keeps an observation must find it as it was.',
      })
    const copy = [...observation]
    this.last.set(environment, { array: observation, copy })
    const { observationSpace } = environment
    const out = copy.findIndex(
      (value, i) =>
        (value < Math.fround(lowOf(observationSpace, i)) && value < lowOf(observationSpace, i)) ||
        (value > Math.fround(highOf(observationSpace, i)) && value > highOf(observationSpace, i)),
    )
    if (out >= 0)
      this.add('observation-space', {
        problem: `${method}: the observation’s number ${out} is ${describe(copy[out])}, and observationSpace allows ${lowOf(observationSpace, out)} to ${highOf(observationSpace, out)} there`,
        fix: 'Widen the bounds of observationSpace, leave them out, or keep the number within them.',
      })
    return observation
  }

  private stop(kind: FindingKind, problem: Problem): never {
    this.add(kind, problem)
    throw new Ended()
  }
}

/** The first place where two tracks differ: 0 in the first observation, n in what step n gave; −1 nowhere. */
function differenceOf(a: Track, b: Track): number {
  const same = (x: number[] | undefined, y: number[] | undefined): boolean =>
    x?.length === y?.length && (x ?? []).every((value, i) => Object.is(value, y![i]))
  for (let i = 0; i < Math.max(a.observations.length, b.observations.length); i++)
    if (!same(a.observations[i], b.observations[i]) || (i > 0 && !Object.is(a.rewards[i - 1], b.rewards[i - 1])))
      return i
  return -1
}

/** Uniform in [0, 1): a xorshift of 32 bits, which is random enough for actions to try. */
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
  return Float32Array.from(
    { length: sizeOf(space) },
    (_, i) => lowOf(space, i) + random() * (highOf(space, i) - lowOf(space, i)),
  )
}
