/**
 * Runs policies on a Gymnasium task. Python processes play the episodes, where the policy acts in C++: one message for
 * each episode, or for each part of a paused one.
 */
import { GogepoError } from '../base/errors.js'
import type {
  Actors,
  EnvSpec,
  Episodes,
  Native,
  Policies,
  PolicySpec,
  Rollout,
  RolloutOptions,
  Transitions,
} from '../native/contract.js'
import { WorkerFailure, type PythonWorker } from './python-worker.js'
import { busy, disposed, emptyEpisodes, requirePaused, totalsOf, type PausedRun } from './rollout-rules.js'

/** A task, and the processes that play it. */
export interface GymnasiumPlayers {
  readonly name: string
  readonly spec: EnvSpec
  /** The most processes that work at the same time. */
  readonly threads: number
  start(): PythonWorker
  /** Prepares a new process to play. @throws GogepoError */
  prepare(worker: PythonWorker): Promise<void>
  /** No more processes will be started. */
  release(): void
}

/** Flags of a request and of an answer. */
const begins = 1
const normalizes = 2
const records = 4
const removesBonus = 8
const samples = 16
const ended = 1
const terminated = 2
const diverged = 4

const requestBytes = 64
const answerBytes = 32

/** A run, and the processes that hold its paused episodes. */
interface Run extends PausedRun {
  readonly holders: Map<number, PythonWorker>
}

/** The policies of one call. */
interface Thetas {
  readonly values: Float32Array
  /** |θ| */
  readonly size: number
}

/** The transitions of one episode in one call. */
interface Part {
  /** (T) */
  rewards: Float64Array
  /** (T + 1, O): each but the last is followed by the next one. */
  observations: Float32Array
  /** (T, A), or (T) when discrete */
  actions: Float32Array
}

export class GymnasiumRollout implements Rollout {
  /** All processes, those included that are being prepared. */
  private readonly workers = new Set<PythonWorker>()
  private idle: PythonWorker[] = []
  /** Checks the arguments of a run, as for other tasks; the actors that act are in the processes. */
  private readonly actors: Actors
  private paused: Run | undefined
  private running = false
  private disposed = false

  constructor(
    private readonly native: Native,
    policy: PolicySpec,
    private readonly players: GymnasiumPlayers,
  ) {
    this.actors = new native.Actors({ policy, rows: 1 })
  }

  /** @throws GogepoError ERR_PYTHON, ERR_BUSY, ERR_DISPOSED, ERR_ARGUMENT, ERR_SHAPE */
  async run(policies: Policies, options: RolloutOptions): Promise<Episodes> {
    if (this.disposed) throw disposed()
    if (this.running) throw busy()
    const run = options.resume ? this.continued(policies, options) : this.begun(policies, options)
    const values = policies.toArray()
    this.running = true
    try {
      return await this.play(run, { values, size: values.length / policies.count }, options)
    } catch (error) {
      this.close() // a process that failed is not used again, nor are those that ran beside it
      throw this.disposed ? disposed() : error
    } finally {
      this.running = false
    }
  }

  /** A new run. Processes that hold episodes of an abandoned one are free for it. */
  private begun(policies: Policies, options: RolloutOptions): Run {
    const { seed, statistics, observe, exploration = {}, episodes } = options
    this.actors.start(policies, { seed, statistics, observe, exploration })
    this.idle.push(...(this.paused?.holders.values() ?? []))
    this.paused = undefined
    return {
      options,
      episodes: emptyEpisodes(policies.count * episodes, options, this.players.spec.observationSize),
      holders: new Map(),
    }
  }

  /** The paused run, with the policies as they are now. */
  private continued(policies: Policies, options: RolloutOptions): Run {
    const run = requirePaused(this.paused, policies, options)
    this.actors.reload(policies)
    return run
  }

  /** Plays until every episode has ended or pauses. */
  private async play(run: Run, thetas: Thetas, options: RolloutOptions): Promise<Episodes> {
    const { episodes } = run
    const waiting = [...episodes.done.keys()].filter((i) => episodes.done[i] === 0)
    const parts = new Array<Part | undefined>(episodes.done.length)
    let failure: { error: unknown } | undefined

    // Each thread plays the next episode that waits.
    const serve = async (): Promise<void> => {
      for (let i; failure === undefined && (i = waiting.shift()) !== undefined;) {
        const mayRepeat = (): boolean =>
          failure === undefined && !this.disposed && options.maxSteps === undefined && !options.resume
        try {
          if (this.disposed) throw disposed()
          parts[i] = await this.attempt(run, i, this.request(run, i, thetas, options), options, mayRepeat)
        } catch (error) {
          failure ??= { error }
          this.close() // the others do not continue with episodes that nobody waits for
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.players.threads, waiting.length) }, serve))
    if (failure !== undefined) throw failure.error
    if (this.disposed) throw disposed()

    this.paused = episodes.done.includes(0) ? run : undefined
    const totals = totalsOf(episodes)
    return options.record ? { ...totals, transitions: this.transitionsOf(parts, episodes) } : totals
  }

  /** Plays one episode, or the next part of it; once more in another process if the first one fails. */
  private async attempt(
    run: Run,
    i: number,
    request: Buffer,
    options: RolloutOptions,
    mayRepeat: () => boolean,
  ): Promise<Part | undefined> {
    const once = async (): Promise<Part | undefined> => {
      const worker = run.holders.get(i) ?? (await this.worker())
      try {
        const part = this.read(await worker.answer(request), i, run.episodes, options)
        if (run.episodes.done[i] === 0) run.holders.set(i, worker)
        else {
          run.holders.delete(i)
          this.idle.push(worker)
        }
        return part
      } catch (error) {
        worker.end()
        this.workers.delete(worker)
        throw error
      }
    }
    const episode = `${options.purpose} episode ${options.firstIndex + i + 1}`
    let repeated = false
    try {
      // A second attempt may succeed: memory may have run out, or the task may not be deterministic.
      return await once().catch((error: unknown) => {
        if (!(error instanceof WorkerFailure && mayRepeat())) throw error
        repeated = true
        return once()
      })
    } catch (error) {
      if (!(error instanceof WorkerFailure)) throw error
      const what = repeated ? 'failed in two Python processes. The second' : 'failed. Its Python process'
      throw new GogepoError('ERR_PYTHON', `${this.players.name}: ${episode} ${what} ${error.message}`, { cause: error })
    }
  }

  /** A process that is idle, or a new one. */
  private async worker(): Promise<PythonWorker> {
    for (let worker; (worker = this.idle.pop()) !== undefined; this.workers.delete(worker))
      if (!worker.ended) return worker
    const worker = this.players.start()
    this.workers.add(worker)
    await this.players.prepare(worker)
    return worker
  }

  /**
   * flags u32, observe u32, the seed of the task u32, the uniform steps u32; the action noise and its correlation f64, its seed
   * and its stream u64; the most steps f64, which may be infinite; the statistics: their count f64 and, if observations are normalized, mean
   * and m2 f64 (O); θ f32. x86-64 is little-endian, as the messages are.
   */
  private request(run: Run, i: number, { values, size }: Thetas, options: RolloutOptions): Buffer {
    const { episodes, seed, purpose, statistics, observe, record, removeSurvivalBonus, exploration = {} } = options
    const index = options.firstIndex + i
    const isNew = !run.holders.has(i)
    const given = isNew ? statistics : null
    const head = Buffer.alloc(requestBytes)
    head.writeUInt32LE(
      (isNew ? begins : 0) +
        (given ? normalizes : 0) +
        (record ? records : 0) +
        (removeSurvivalBonus ? removesBonus : 0) +
        (exploration.sample ? samples : 0),
      0,
    )
    head.writeUInt32LE(['none', 'report', 'grow'].indexOf(observe), 4)
    head.writeUInt32LE(this.native.episodeSeed({ seed, purpose, index }), 8)
    head.writeUInt32LE(Math.min(exploration.uniformSteps ?? 0, 2 ** 32 - 1), 12)
    head.writeDoubleLE(exploration.noise ?? 0, 16)
    head.writeDoubleLE(exploration.correlation ?? 0, 24)
    head.writeBigUInt64LE(BigInt(seed), 32)
    head.writeBigUInt64LE(BigInt(index), 40)
    head.writeDoubleLE(options.maxSteps ?? Infinity, 48)
    head.writeDoubleLE(given?.count ?? 0, 56)
    const policy = Math.floor(i / episodes)
    const theta = values.subarray(policy * size, (policy + 1) * size)
    return Buffer.concat([head, ...(given ? [given.mean, given.m2] : []).map(bytesOf), bytesOf(theta)])
  }

  /**
   * The stored and the full return f64; the length, flags and the number of transitions T u32; what was not finite u32 (0:
   * the reward, i + 1: element i of the observation); if observed the moments: count f64, mean and m2 f64 (O); if T > 0 the rewards f64 (T), the observations f32 (T + 1, O)
   * and the actions f32 (T, A), or (T) when discrete.
   */
  private read(answer: Buffer, i: number, episodes: Episodes, options: RolloutOptions): Part | undefined {
    const { observationSize, actionSize, discrete } = this.players.spec
    const { moments } = episodes
    const width = discrete ? 1 : actionSize
    let at = answerBytes
    const take = <T extends Float32Array | Float64Array>(out: T): T => {
      bytesOf(out).set(answer.subarray(at, at + out.byteLength))
      at += out.byteLength
      return out
    }
    const steps = answer.length < answerBytes ? 0 : answer.readUInt32LE(24)
    const size =
      answerBytes +
      (options.observe === 'none' ? 0 : 8 + 16 * observationSize) +
      (steps > 0 ? steps * (8 + 4 * width) + 4 * (steps + 1) * observationSize : 0)
    if (answer.length !== size)
      throw new GogepoError(
        'ERR_PYTHON',
        `${this.players.name}: the Python process sent a message of ${answer.length} bytes, expected ${size}.`,
      )

    // The totals.
    const flags = answer.readUInt32LE(20)
    episodes.returns[i] = answer.readDoubleLE(0)
    episodes.fullReturns[i] = answer.readDoubleLE(8)
    episodes.lengths[i] = answer.readUInt32LE(16)
    episodes.done[i] = flags & ended ? 1 : 0
    episodes.terminated[i] = flags & terminated ? 1 : 0
    episodes.diverged[i] = flags & diverged ? 1 : 0
    if (flags & diverged) {
      const culprit = answer.readUInt32LE(28)
      const what =
        culprit === 0
          ? 'the reward was NaN or infinite'
          : `element ${culprit - 1} of the observation was NaN, infinite or beyond single precision`
      const reasons = (episodes.divergedBecause ??= new Map<number, string>())
      reasons.set(i, `at step ${episodes.lengths[i]}, ${what}`)
    }
    // What was observed.
    if (options.observe !== 'none') {
      moments.counts.set(take(new Float64Array(1)), i)
      moments.means.set(take(new Float64Array(observationSize)), i * observationSize)
      moments.m2s.set(take(new Float64Array(observationSize)), i * observationSize)
    }
    if (steps === 0) return undefined
    return {
      rewards: take(new Float64Array(steps)),
      observations: take(new Float32Array((steps + 1) * observationSize)),
      actions: take(new Float32Array(steps * width)),
    }
  }

  /** The transitions of all episodes, in order. */
  private transitionsOf(parts: readonly (Part | undefined)[], episodes: Episodes): Transitions {
    const { observationSize: o, actionSize, discrete } = this.players.spec
    const width = discrete ? 1 : actionSize
    const total = parts.reduce((sum, part) => sum + (part?.rewards.length ?? 0), 0)
    const out: Transitions = {
      episodes: new Int32Array(total),
      observations: new Float32Array(total * o),
      actions: new Float32Array(total * width),
      rewards: new Float64Array(total),
      nextObservations: new Float32Array(total * o),
      terminated: new Uint8Array(total),
    }
    let at = 0
    for (const [i, part] of parts.entries()) {
      if (part === undefined) continue
      const { rewards, observations, actions } = part
      out.episodes.fill(i, at, at + rewards.length)
      out.observations.set(observations.subarray(0, -o), at * o)
      out.nextObservations.set(observations.subarray(o), at * o)
      out.actions.set(actions, at * width)
      out.rewards.set(rewards, at)
      at += rewards.length
      out.terminated[at - 1] = episodes.terminated[i]! // only its last step can have ended it
    }
    return out
  }

  /** Ends all processes, busy or not. */
  private close(): void {
    for (const worker of this.workers) worker.end()
    this.workers.clear()
    this.idle = []
    this.paused = undefined
  }

  dispose(): void {
    this.disposed = true
    this.close()
    this.actors.dispose()
    this.players.release()
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
