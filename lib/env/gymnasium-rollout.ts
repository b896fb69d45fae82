/** Episodes of a Gymnasium task, in Python processes: one message for each episode each way. */
import { createHash } from 'node:crypto'
import { GogepoError } from '../errors.js'
import type { Architecture, Episodes, Policies, Rollout, RolloutOptions, TaskOptions } from '../native.js'
import { PythonWorker, WorkerFailure } from './python-worker.js'

export class GymnasiumRollout implements Rollout {
  private readonly workers: (PythonWorker | undefined)[] = []
  private busy = false
  private disposed = false

  /**
   * @param name as config.json names the task
   * @param task as gymnasium.make takes it, and whether it pays for being alive
   * @param threads most workers at a time
   */
  constructor(
    readonly name: string,
    private readonly python: string,
    private readonly task: { id: string; options: TaskOptions; paysSurvival: boolean },
    private readonly architecture: Architecture,
    private readonly threads: number,
  ) {}

  async run(policies: Policies, options: RolloutOptions): Promise<Episodes> {
    if (this.disposed) throw new GogepoError('ERR_DISPOSED', 'This rollout has been disposed. Make a new one.')
    if (this.busy)
      throw new GogepoError('ERR_BUSY', 'run: this rollout is still busy with another run. Wait for it first.')
    this.busy = true
    try {
      return await this.runAll(policies, options)
    } catch (error) {
      this.endWorkers() // none goes on with an episode that nobody waits for
      throw error
    } finally {
      this.busy = false
    }
  }

  private async runAll(policies: Policies, options: RolloutOptions): Promise<Episodes> {
    const count = policies.count * options.episodes
    const thetas = policies.toArray()
    const size = thetas.length / policies.count
    const episodes = noEpisodes(count, options.learning ? this.architecture.observationSize : 0)
    const waiting = Array.from({ length: count }, (_, i) => i)
    const failed = new Set<number>() // once: such an episode is run once more, by another process
    let over = false

    const serve = async (slot: number): Promise<void> => {
      for (let i; !over && (i = waiting.shift()) !== undefined;) {
        const policy = Math.floor(i / options.episodes)
        try {
          const worker = await this.worker(slot)
          decode(
            await worker.ask(
              encode(options, options.firstIndex + i, thetas.subarray(policy * size, (policy + 1) * size)),
            ),
            i,
            episodes,
          )
        } catch (error) {
          this.workers[slot]?.end()
          this.workers[slot] = undefined
          if (error instanceof WorkerFailure && !this.disposed && !failed.has(i)) {
            failed.add(i)
            waiting.unshift(i)
            continue
          }
          over = true
          throw this.disposed
            ? new GogepoError('ERR_DISPOSED', 'This rollout was disposed while it ran.')
            : error instanceof WorkerFailure
              ? this.explain(error, options, i)
              : error
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.threads, count) }, (_, slot) => serve(slot)))
    return episodes
  }

  /** That of a slot, started where there is none that lives. */
  private async worker(slot: number): Promise<PythonWorker> {
    const idle = this.workers[slot]
    if (idle && !idle.ended) return idle
    const {
      observationSize,
      actionSize,
      policyHidden,
      actionCenter: center,
      actionScale: scale,
      discrete,
    } = this.architecture
    const worker = new PythonWorker(this.python, {
      ...this.task,
      policy: { sizes: [observationSize, ...policyHidden, actionSize], center, scale, discrete },
    })
    this.workers[slot] = worker
    const said = JSON.parse((await worker.ask()).toString()) as { refused?: string; message?: string }
    if (said.refused !== undefined) throw new GogepoError('ERR_PYTHON', `${this.name}: ${said.message}`)
    return worker
  }

  private explain(failure: WorkerFailure, { purpose, firstIndex }: RolloutOptions, i: number): GogepoError {
    return new GogepoError(
      'ERR_PYTHON',
      `${this.name}: ${purpose} episode ${firstIndex + i + 1} failed in two Python processes. The second ${failure.message}`,
      { cause: failure },
    )
  }

  private endWorkers(): void {
    for (const worker of this.workers) worker?.end()
    this.workers.length = 0
  }

  dispose(): void {
    this.disposed = true
    this.endWorkers()
  }
}

/** Room for `count` episodes whose observations have `size` numbers. */
function noEpisodes(count: number, size: number): Episodes {
  return {
    returns: new Float64Array(count),
    fullReturns: new Float64Array(count),
    lengths: new Int32Array(count),
    terminated: new Uint8Array(count),
    diverged: new Uint8Array(count),
    warnings: 0,
    moments: {
      counts: new Float64Array(count),
      means: new Float64Array(count * size),
      m2s: new Float64Array(count * size),
    },
  }
}

/** 32 bits: what Gymnasium's reset takes. */
const seedOf = ({ seed, purpose }: RolloutOptions, index: number): number =>
  createHash('sha256').update(`${purpose} ${seed} ${index}`).digest().readUInt32LE()

/** seed u32, flags u32, count f64, with statistics their mean and m2 f64 (O), θ f32. x86-64 is little-endian, as the message is. */
function encode(options: RolloutOptions, index: number, theta: Float32Array): Buffer {
  const { statistics, learning, removeSurvivalBonus } = options
  const head = Buffer.alloc(16)
  head.writeUInt32LE(seedOf(options, index), 0)
  head.writeUInt32LE((statistics ? 1 : 0) + (learning ? 2 : 0) + (removeSurvivalBonus ? 4 : 0), 4)
  head.writeDoubleLE(statistics?.count ?? 0, 8)
  return Buffer.concat([head, ...[...(statistics ? [statistics.mean, statistics.m2] : []), theta].map(bytesOf)])
}

/** stored and full return, count of observations f64, length u32, terminated and diverged u8, two bytes of nothing; learning also mean and m2 f64 (O). */
function decode(
  answer: Buffer,
  i: number,
  { returns, fullReturns, lengths, terminated, diverged, moments }: Episodes,
): void {
  returns[i] = answer.readDoubleLE(0)
  fullReturns[i] = answer.readDoubleLE(8)
  moments.counts[i] = answer.readDoubleLE(16)
  lengths[i] = answer.readUInt32LE(24)
  terminated[i] = answer[28]!
  diverged[i] = answer[29]!
  const size = moments.means.length / returns.length
  for (let k = 0; k < size; k++) {
    moments.means[i * size + k] = answer.readDoubleLE(32 + 8 * k)
    moments.m2s[i * size + k] = answer.readDoubleLE(32 + 8 * (size + k))
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)
