/**
 * Runs policies on environments in JavaScript: episodes side by side, and one crossing into C++ for each time step of
 * all of them.
 */
import { GogepoError } from '../base/errors.js'
import { plural } from '../base/words.js'
import type {
  Actors,
  EnvSpec,
  Episodes,
  Native,
  Policies,
  PolicySpec,
  Rollout,
  RolloutOptions,
} from '../native/contract.js'
import {
  observationOf,
  problemOfObservation,
  problemOfStep,
  thrownInWords,
  type Environment,
  type EnvironmentStep,
  type Observation,
  type Problem,
} from './environment.js'
import { Recorder } from './recorder.js'
import { busy, disposed, emptyEpisodes, requirePaused, totalsOf, type PausedRun } from './rollout-rules.js'
import { settleOrThrow } from './settle-or-throw.js'

/** Milliseconds after which the event loop gets a turn, for Ctrl-C, timers and other promises. */
const turnEvery = 20

/** A task whose environments are stepped from JavaScript. */
export interface LockstepTask {
  readonly name: string
  readonly spec: EnvSpec
  /** Whether the task itself ends an episode that reaches spec.maxEpisodeSteps. */
  readonly limited: boolean
  /** The most episodes in progress at once. */
  readonly sideBySide: number
  make(): Environment | Promise<Environment>
}

/** An episode in progress: its row of the arrays, its environment, and how far it is. */
interface Lane {
  readonly row: number
  readonly environment: Environment
  /** Its row of the actions; the environment receives a copy, which it may keep. */
  readonly action: Float32Array
  episode: number
  length: number
  /** Steps until it pauses. */
  left: number
}

/** A run, with the lanes of its episodes. */
interface Paused extends PausedRun {
  readonly lanes: Lane[]
}

export class LockstepRollout implements Rollout {
  private readonly environments: Environment[]
  private lanes: Lane[] = []
  private actors: Actors | undefined
  private rows = 0
  private observations = new Float64Array() // (rows, O)
  private actions = new Float32Array() //      (rows, A), or (rows) when discrete
  private active = new Uint8Array() //         (rows)
  private paused: Paused | undefined
  private recorder: Recorder | undefined
  private running = false
  private disposed = false

  /** @param made environments that exist already, to be used first */
  constructor(
    private readonly native: Native,
    private readonly policy: PolicySpec,
    private readonly task: LockstepTask,
    made: readonly Environment[] = [],
  ) {
    this.environments = [...made]
  }

  /**
   * @throws GogepoError ERR_ENVIRONMENT with what the user's code threw as its cause, ERR_BUSY, ERR_DISPOSED,
   * ERR_ARGUMENT, ERR_SHAPE
   */
  async run(policies: Policies, options: RolloutOptions): Promise<Episodes> {
    if (this.disposed) throw disposed()
    if (this.running) throw busy()
    const paused = options.resume ? this.continued(policies, options) : undefined
    this.running = true
    try {
      const run = paused ?? (await this.begun(policies, options))
      return await this.advance(run, options)
    } catch (error) {
      this.close() // an environment that failed is not used again, nor are those that ran beside it
      throw error
    } finally {
      this.running = false
      if (this.disposed) this.close()
    }
  }

  /** A new run, with lanes for its first episodes. */
  private async begun(policies: Policies, options: RolloutOptions): Promise<Paused> {
    const { episodes: each, seed, statistics, observe, exploration = {}, maxSteps } = options
    const count = policies.count * each
    this.paused = undefined
    await this.makeRoom(maxSteps === undefined ? Math.min(count, this.task.sideBySide) : count)
    this.actors!.start(policies, { seed, statistics, observe, exploration })
    this.active.fill(0)
    const lanes = this.lanes.slice(0, count) // further lanes belong to a larger run
    for (const lane of lanes) lane.episode = -1
    return {
      options,
      episodes: emptyEpisodes(count, options, this.task.spec.observationSize),
      lanes,
    }
  }

  /** The paused run, with the policies as they are now. */
  private continued(policies: Policies, options: RolloutOptions): Paused {
    const paused = requirePaused(this.paused, policies, options)
    this.actors!.reload(policies)
    return paused
  }

  /** Runs until every episode has ended or pauses. */
  private async advance({ episodes, lanes }: Paused, options: RolloutOptions): Promise<Episodes> {
    const count = episodes.returns.length
    this.recorder = options.record ? new Recorder(count, this.task.spec) : undefined
    for (const lane of lanes) lane.left = options.maxSteps ?? Infinity
    // Lanes that have an episode continue it; the others are free to begin one.
    let free = lanes.filter(({ episode }) => episode < 0)
    let working = lanes.filter(({ episode }) => episode >= 0 && episodes.done[episode] === 0)
    for (const { row } of working) this.active[row] = 1
    let next = lanes.reduce((most, { episode }) => Math.max(most, episode + 1), 0)
    let turn = performance.now()

    for (;;) {
      // Begin the next episodes on the free lanes.
      const beginning = free.splice(0, count - next)
      for (const lane of beginning) lane.episode = next++
      await this.all(beginning, (lane) => this.begin(lane, options))
      working = [...working, ...beginning]
      if (working.length === 0) break
      if (performance.now() - turn > turnEvery) {
        await new Promise((resolve) => setImmediate(resolve))
        turn = performance.now()
      }
      if (this.disposed) throw disposed()

      // One step of every episode in progress.
      this.actors!.act(this.observations, this.actions, this.active)
      await this.all(working, (lane) => this.step(lane, episodes, options))
      free = [...free, ...working.filter((lane) => this.active[lane.row] === 0 && episodes.done[lane.episode] !== 0)]
      free.sort((a, b) => a.row - b.row) // the order in which environments answer must not matter
      working = working.filter((lane) => this.active[lane.row] !== 0)
    }
    this.paused = episodes.done.includes(0) ? { options, episodes, lanes } : undefined
    const totals = totalsOf(episodes)
    return this.recorder === undefined ? totals : { ...totals, transitions: this.recorder.transitions() }
  }

  /**
   * Calls `work` for each lane, waits for the answers that are promises, and throws the first failure once nothing is
   * in progress.
   */
  private async all(lanes: readonly Lane[], work: (lane: Lane) => Promise<void> | undefined): Promise<void> {
    const answers: Promise<void>[] = []
    for (const lane of lanes) {
      let answer
      try {
        answer = work(lane)
      } catch (error) {
        answer = Promise.reject(error as Error) // the others may still be waiting for theirs
      }
      if (answer !== undefined) answers.push(answer)
    }
    if (answers.length === 0) return
    const settled = await settleOrThrow(Promise.allSettled(answers), `${this.task.name}: reset or step`)
    const failed = settled.find((answer) => answer.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Begins the lane's episode; a promise only where the environment returns one. */
  private begin(lane: Lane, options: RolloutOptions): Promise<void> | undefined {
    const { seed, purpose, firstIndex, episodes } = options
    const index = firstIndex + lane.episode
    lane.length = 0
    this.active[lane.row] = 1
    this.actors!.begin(lane.row, Math.floor(lane.episode / episodes), index)
    return this.reset(lane, this.native.episodeSeed({ seed, purpose, index }))
  }

  private reset(lane: Lane, seed: number): Promise<void> | undefined {
    const done = (returned: Observation | { observation: Observation }): void =>
      this.observe(lane, observationOf(returned))
    const fail = (error: unknown): never => this.failed('reset', lane, error)
    let returned
    try {
      returned = lane.environment.reset(seed)
    } catch (error) {
      return fail(error)
    }
    if (returned instanceof Promise) return returned.then(done, fail)
    done(returned)
    return undefined
  }

  /** One step of one episode; a promise only where the environment returns one. */
  private step(lane: Lane, episodes: Episodes, options: RolloutOptions): Promise<void> | undefined {
    const { environment, action, row } = lane
    if (this.recorder) this.recorder.before(lane.episode, this.observationOf(row), action)
    const done = (step: EnvironmentStep): void => this.stepped(lane, step, episodes, options)
    const fail = (error: unknown): never => this.failed('step', lane, error)
    let returned
    try {
      returned = environment.step(this.task.spec.discrete ? this.actions[row]! : action.slice())
    } catch (error) {
      return fail(error)
    }
    if (returned instanceof Promise) return returned.then(done, fail)
    done(returned)
    return undefined
  }

  private stepped(lane: Lane, step: EnvironmentStep, episodes: Episodes, options: RolloutOptions): void {
    const { spec, limited } = this.task
    const wellFormed =
      typeof step === 'object' &&
      step !== null &&
      Number.isFinite(step.reward) &&
      typeof step.terminated === 'boolean' &&
      typeof step.truncated === 'boolean'
    if (!wellFormed) this.refuse(lane, problemOfStep(step)!)
    const { reward, terminated, truncated, observation } = step
    const { episode, row } = lane
    lane.length += 1
    lane.left -= 1
    episodes.lengths[episode] = lane.length

    // The observation and the reward.
    this.observe(lane, observation)
    const survival = terminated ? 0 : spec.survivalBonus
    if (this.policy.command !== undefined) this.actors!.reward(row, reward)
    episodes.fullReturns[episode]! += reward
    episodes.returns[episode]! += options.removeSurvivalBonus ? reward - survival : reward
    this.recorder?.after(episode, reward, this.observationOf(row), terminated)

    // Has the episode ended, does it pause, or does it continue?
    const ended = terminated || truncated || lane.length >= spec.maxEpisodeSteps
    if (ended && !terminated && !truncated && !limited)
      this.refuse(lane, {
        problem: `an episode of ${plural(lane.length, 'step')} has not ended, and there is no time limit`,
        fix: 'Set timeLimit to the number of steps after which an episode ends, or return terminated: true when the task is over.',
      })
    if (!ended && lane.left > 0) return
    this.active[row] = 0
    if (options.observe !== 'none') this.reportMoments(lane, episodes)
    if (!ended) return
    episodes.done[episode] = 1
    episodes.terminated[episode] = terminated ? 1 : 0
  }

  private reportMoments({ row, episode }: Lane, { moments }: Episodes): void {
    const { count, mean, m2 } = this.actors!.moments(row)
    moments.counts[episode] = count
    moments.means.set(mean, episode * mean.length)
    moments.m2s.set(m2, episode * m2.length)
  }

  /** Copies an observation to the lane's row at once, since the environment may reuse its array. */
  private observe(lane: Lane, observation: Observation): void {
    const size = this.task.spec.observationSize
    const at = lane.row * size
    const isArray =
      Array.isArray(observation) || observation instanceof Float32Array || observation instanceof Float64Array
    let wellFormed = isArray && observation.length === size
    for (let i = 0; wellFormed && i < size; i++) {
      const value: unknown = observation[i]
      wellFormed = typeof value === 'number' && Number.isFinite(Math.fround(value)) // the policy computes in single precision
      if (wellFormed) this.observations[at + i] = value as number
    }
    if (!wellFormed) this.refuse(lane, problemOfObservation(observation, lane.environment.observationSpace)!)
  }

  private observationOf(row: number): Float64Array {
    const size = this.task.spec.observationSize
    return this.observations.subarray(row * size, (row + 1) * size)
  }

  private refuse(lane: Lane, { problem, fix }: Problem): never {
    throw new GogepoError('ERR_ENVIRONMENT', `${this.task.name}, ${where(lane)}: ${problem}. ${fix}`)
  }

  private failed(method: 'reset' | 'step', lane: Lane, error: unknown): never {
    if (error instanceof GogepoError) throw error
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${this.task.name}, ${where(lane)}: ${method} threw ${thrownInWords(error)}`,
      { cause: error },
    )
  }

  /** Arrays, actors and environments for that many episodes at once. */
  private async makeRoom(rows: number): Promise<void> {
    const { spec } = this.task
    const missing = Array.from({ length: rows - this.environments.length }, async () => this.task.make())
    const made = await Promise.allSettled(missing)
    for (const one of made) if (one.status === 'fulfilled') this.environments.push(one.value)
    const failed = made.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    if (rows > this.rows) {
      this.actors?.dispose()
      this.actors = new this.native.Actors({ policy: this.policy, rows })
      this.rows = rows
      this.observations = new Float64Array(rows * spec.observationSize)
      this.actions = new Float32Array(rows * (spec.discrete ? 1 : spec.actionSize))
      this.active = new Uint8Array(rows)
      this.lanes = []
    }
    const width = spec.discrete ? 1 : spec.actionSize
    for (let row = this.lanes.length; row < this.rows; row++)
      this.lanes.push({
        row,
        environment: this.environments[row]!,
        action: this.actions.subarray(row * width, (row + 1) * width),
        episode: -1,
        length: 0,
        left: 0,
      })
  }

  /** Closes all environments. */
  private close(): void {
    for (const environment of this.environments.splice(0)) closeQuietly(environment)
    this.lanes = []
    this.paused = undefined
    this.actors?.dispose()
    this.actors = undefined
    this.rows = 0
  }

  dispose(): void {
    this.disposed = true
    if (!this.running) this.close() // otherwise run does it, once the user's code has returned
  }
}

/** Ignores what an environment throws while it is closed: the result is already complete. */
function closeQuietly(environment: Environment): void {
  void Promise.resolve()
    .then(() => environment.close?.())
    .catch(() => {})
}

const where = (lane: Lane): string => `step ${lane.length} of an episode`
