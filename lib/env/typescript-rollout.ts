/** Runs policies on a user's environments: episodes side by side, and one crossing into the engine for each time step of them all. */
import { GogepoError } from '../errors.js'
import type { Actors, EnvSpec, Episodes, Native, NativeEngine, Policies, Rollout, RolloutOptions } from '../native.js'
import {
  highOf,
  isDiscrete,
  lowOf,
  makeEnvironment,
  observationOf,
  problemOfObservation,
  problemOfStep,
  wordsOf,
  type Environment,
  type EnvironmentFactory,
  type EnvironmentStep,
  type Observation,
  type Problem,
} from './environment.js'
import { kept } from './kept.js'

/** Episodes under way at once: as many environments, and as many policies in memory. */
const sideBySide = 64
/** Milliseconds after which the event loop gets a turn: Ctrl-C, timers and other people's promises. */
const turnEvery = 20

export interface UserTask {
  name: string
  spec: EnvSpec
  factory: EnvironmentFactory
  /** Whether it has a time limit of its own. */
  limited: boolean
  /** Made already, to read the spec; the first to be used. */
  first: Environment
}

/** One episode under way: row of the arrays, its environment, and how far it is. */
interface Lane {
  readonly row: number
  readonly environment: Environment
  /** Its row of the actions; the environment is handed a copy, which it may keep. */
  readonly action: Float32Array
  episode: number
  length: number
}

export class TypescriptRollout implements Rollout {
  private readonly environments: Environment[]
  private lanes: Lane[] = []
  private actors: Actors | undefined
  private rows = 0
  private observations = new Float32Array() // (rows, O)
  private actions = new Float32Array() //      (rows, A), or (rows) when discrete
  private active = new Uint8Array() //         (rows)
  private readonly low: Float32Array //        (A), what float32 can hold within the bounds
  private readonly high: Float32Array
  private running = false
  private disposed = false

  constructor(
    private readonly native: Native,
    private readonly engine: NativeEngine,
    private readonly task: UserTask,
  ) {
    this.environments = [task.first]
    const { actionSpace } = task.first
    const bounds = isDiscrete(actionSpace)
      ? []
      : Array.from({ length: task.spec.actionSize }, (_, i) => [lowOf(actionSpace, i), highOf(actionSpace, i)] as const)
    this.low = Float32Array.from(bounds, ([low]) => -below(-low))
    this.high = Float32Array.from(bounds, ([, high]) => below(high))
  }

  /** @throws GogepoError ERR_ENVIRONMENT, with what the user's code threw as its cause; ERR_BUSY */
  async run(policies: Policies, options: RolloutOptions): Promise<Episodes> {
    if (this.disposed) throw disposed()
    if (this.running)
      throw new GogepoError('ERR_BUSY', 'run: this object is still busy with an earlier call. Await that one first.')
    this.running = true
    try {
      return await this.runAll(policies, options)
    } catch (error) {
      this.close() // an environment that failed is not used again, nor are those that were under way beside it
      throw error
    } finally {
      this.running = false
      if (this.disposed) this.close()
    }
  }

  private async runAll(policies: Policies, options: RolloutOptions): Promise<Episodes> {
    const count = policies.count * options.episodes
    await this.makeRoom(Math.min(count, sideBySide))
    const actors = this.actors!
    actors.start(policies, { statistics: options.statistics, learning: options.learning })
    const episodes = emptyEpisodes(count, options.learning ? this.task.spec.observationSize : 0)

    let begun = 0
    let turn = performance.now()
    this.active.fill(0)
    let underWay = this.lanes.slice(0, count) // lanes beyond are of a larger run
    let free = underWay
    for (;;) {
      const answers: Promise<void>[] = []
      for (const lane of free) {
        if (begun === count) {
          underWay = underWay.filter((other) => other !== lane)
          continue
        }
        const index = begun++
        const seed = this.native.episodeSeed({
          seed: options.seed,
          purpose: options.purpose,
          index: options.firstIndex + index,
        })
        actors.begin(lane.row, Math.floor(index / options.episodes))
        let answer
        try {
          answer = this.reset(lane, index, seed)
        } catch (error) {
          answer = Promise.reject(error as Error) // the others may still be waiting for theirs
        }
        if (answer !== undefined) answers.push(answer)
      }
      if (answers.length > 0) await allOf(answers, this.task.name)
      if (underWay.length === 0) return episodes
      if (performance.now() - turn > turnEvery) {
        await new Promise((resolve) => setImmediate(resolve))
        turn = performance.now()
      }
      if (this.disposed) throw disposed()

      free = []
      answers.length = 0
      actors.act(this.observations, this.actions, this.active)
      for (const lane of underWay) {
        let answer
        try {
          answer = this.step(lane, episodes, options, free)
        } catch (error) {
          answer = Promise.reject(error as Error)
        }
        if (answer !== undefined) answers.push(answer)
      }
      if (answers.length > 0) {
        await allOf(answers, this.task.name)
        free.sort((a, b) => a.row - b.row) // whoever answered first changes nothing
      }
    }
  }

  /** Begins an episode; a promise only where the environment gives one. */
  private reset(lane: Lane, episode: number, seed: number): Promise<void> | undefined {
    lane.episode = episode
    lane.length = 0
    this.active[lane.row] = 1
    const done = (returned: Observation | { observation: Observation }): void =>
      this.observe(lane, observationOf(returned))
    let returned
    try {
      returned = lane.environment.reset(seed)
    } catch (error) {
      throw this.threw('reset', lane, error)
    }
    if (returned instanceof Promise)
      return returned.then(done, (error: unknown) => Promise.reject(this.threw('reset', lane, error)))
    done(returned)
    return undefined
  }

  /** One step of one episode; a promise only where the environment gives one. */
  private step(lane: Lane, episodes: Episodes, options: RolloutOptions, free: Lane[]): Promise<void> | undefined {
    const { environment, action, row } = lane
    const { discrete } = this.task.spec
    if (!discrete)
      for (let i = 0; i < action.length; i++) {
        if (action[i]! < this.low[i]!) action[i] = this.low[i]!
        else if (action[i]! > this.high[i]!) action[i] = this.high[i]!
      }
    let returned
    try {
      returned = environment.step(discrete ? this.actions[row]! : action.slice())
    } catch (error) {
      throw this.threw('step', lane, error)
    }
    if (returned instanceof Promise)
      return returned.then(
        (step) => this.stepped(lane, step, episodes, options, free),
        (error: unknown) => Promise.reject(this.threw('step', lane, error)),
      )
    this.stepped(lane, returned, episodes, options, free)
    return undefined
  }

  private stepped(
    lane: Lane,
    step: EnvironmentStep,
    episodes: Episodes,
    { learning, removeSurvivalBonus }: RolloutOptions,
    free: Lane[],
  ): void {
    if (
      typeof step !== 'object' ||
      step === null ||
      !Number.isFinite(step.reward) ||
      typeof step.terminated !== 'boolean' ||
      typeof step.truncated !== 'boolean'
    )
      this.refuse(lane, problemOfStep(step)!)
    const { reward, terminated, truncated, observation } = step
    const { episode, row } = lane
    const { spec } = this.task
    lane.length += 1
    episodes.fullReturns[episode]! += reward
    episodes.returns[episode]! += removeSurvivalBonus && !terminated ? reward - spec.survivalBonus : reward
    this.observe(lane, observation)
    if (!terminated && !truncated && lane.length < spec.maxEpisodeSteps) return
    if (!terminated && !truncated && !this.task.limited)
      this.refuse(lane, {
        problem: `an episode of ${lane.length} steps has not ended, and there is no time limit`,
        fix: 'Give timeLimit = the number of steps after which an episode ends, or return terminated: true.',
      })

    this.active[row] = 0
    episodes.lengths[episode] = lane.length
    episodes.terminated[episode] = terminated ? 1 : 0
    if (learning) {
      const { count, mean, m2 } = this.actors!.moments(row)
      episodes.moments.counts[episode] = count
      episodes.moments.means.set(mean, episode * spec.observationSize)
      episodes.moments.m2s.set(m2, episode * spec.observationSize)
    }
    free.push(lane)
  }

  /** Copies an observation to the lane's row at once: the environment may reuse its array. */
  private observe(lane: Lane, observation: Observation): void {
    const size = this.task.spec.observationSize
    const at = lane.row * size
    let fine =
      (Array.isArray(observation) || observation instanceof Float32Array || observation instanceof Float64Array) &&
      observation.length === size
    for (let i = 0; fine && i < size; i++) {
      const value: unknown = observation[i]
      if (typeof value === 'number') this.observations[at + i] = value
      fine = typeof value === 'number' && Number.isFinite(this.observations[at + i])
    }
    if (!fine) this.refuse(lane, problemOfObservation(observation, lane.environment.observationSpace)!)
  }

  private refuse(lane: Lane, { problem, fix }: Problem): never {
    throw new GogepoError('ERR_ENVIRONMENT', `${this.task.name}, ${where(lane)}: ${problem}. ${fix}`)
  }

  private threw(method: 'reset' | 'step', lane: Lane, error: unknown): GogepoError {
    return new GogepoError('ERR_ENVIRONMENT', `${this.task.name}, ${where(lane)}: ${method} threw ${wordsOf(error)}`, {
      cause: error,
    })
  }

  /** Arrays, actors and environments for so many episodes at once. */
  private async makeRoom(rows: number): Promise<void> {
    const { spec, factory, name } = this.task
    while (this.environments.length < rows) this.environments.push(await makeEnvironment(factory, name))
    if (rows > this.rows) {
      this.actors?.dispose()
      this.actors = new this.native.Actors(this.engine, { rows })
      this.rows = rows
      this.observations = new Float32Array(rows * spec.observationSize)
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
        episode: 0,
        length: 0,
      })
  }

  /** Lets go of all environments; what they throw while closing is of no consequence to a result that stands already. */
  private close(): void {
    for (const environment of this.environments.splice(0))
      void Promise.resolve()
        .then(() => environment.close?.())
        .catch(() => {})
    this.lanes = []
    this.actors?.dispose()
    this.actors = undefined
    this.rows = 0
  }

  dispose(): void {
    this.disposed = true
    if (!this.running) this.close()
  }
}

const disposed = (): GogepoError => new GogepoError('ERR_DISPOSED', 'This rollout has been disposed. Make a new one.')

const where = (lane: Lane): string => `step ${lane.length} of an episode`

/** Waits for every answer, so that nothing is under way any more, and then throws the first failure. */
async function allOf(answers: Promise<void>[], name: string): Promise<void> {
  const failed = (await kept(Promise.allSettled(answers), `${name}: reset or step`)).find(
    (answer) => answer.status === 'rejected',
  )
  if (failed !== undefined) throw failed.reason
}

/** The largest number of single precision that is not above it. */
function below(value: number): number {
  const rounded = Math.fround(value)
  if (rounded <= value) return rounded
  const bits = new DataView(new ArrayBuffer(4))
  bits.setFloat32(0, rounded)
  bits.setInt32(0, bits.getInt32(0) + (rounded > 0 ? -1 : 1))
  return rounded === 0 ? -1.401298464324817e-45 : bits.getFloat32(0)
}

function emptyEpisodes(count: number, observationSize: number): Episodes {
  return {
    returns: new Float64Array(count),
    fullReturns: new Float64Array(count),
    lengths: new Int32Array(count),
    terminated: new Uint8Array(count),
    diverged: new Uint8Array(count),
    warnings: 0,
    moments: {
      counts: new Float64Array(count),
      means: new Float64Array(count * observationSize),
      m2s: new Float64Array(count * observationSize),
    },
  }
}
