/** A Gymnasium environment in a Python process of its own, as an environment that JavaScript steps: one message per step. */
import { GogepoError } from '../base/errors.js'
import type { EnvSpec } from '../native/contract.js'
import type { Box, Discrete } from './environment.js'
import type { LockstepStep, PostedEnvironment } from './lockstep-rollout.js'
import type { PythonWorker } from './python-worker.js'

const resetCode = 0
const stepCode = 1

export class PythonEnvironment implements PostedEnvironment {
  readonly observationSpace: Box
  readonly actionSpace: Box | Discrete

  constructor(
    readonly worker: PythonWorker,
    { observationSize, actionSize, discrete, actionLow, actionHigh }: EnvSpec,
  ) {
    this.observationSpace = { shape: [observationSize] }
    this.actionSpace = discrete ? { n: actionSize } : { low: actionLow, high: actionHigh }
  }

  /** Request: code u32, seed u32. Answer: the observation, f64 (O). x86-64 is little-endian, as the messages are. */
  async reset(seed: number): Promise<Float64Array> {
    const request = Buffer.alloc(8)
    request.writeUInt32LE(resetCode, 0)
    request.writeUInt32LE(seed, 4)
    this.worker.post(request)
    return floats(await this.worker.answer(), 0)
  }

  async step(action: Float32Array | number): Promise<LockstepStep> {
    this.post(action)
    return this.answer()
  }

  /** Request: code u32, the choice u32, or the action f32 (A). */
  post(action: Float32Array | number): void {
    const actions = typeof action === 'number' ? 1 : action.length
    const request = Buffer.alloc(4 + 4 * actions)
    request.writeUInt32LE(stepCode, 0)
    if (typeof action === 'number') request.writeUInt32LE(action, 4)
    else for (let i = 0; i < actions; i++) request.writeFloatLE(action[i]!, 4 + 4 * i)
    this.worker.post(request)
  }

  take(): LockstepStep | undefined {
    const answer = this.worker.take()
    return answer && stepOf(answer)
  }

  async answer(): Promise<LockstepStep> {
    return stepOf(await this.worker.answer())
  }

  close(): void {
    this.worker.end()
  }
}

/** Answer: reward and survival f64, terminated and truncated u32, then the observation, f64 (O). */
const stepOf = (answer: Buffer): LockstepStep => ({
  reward: answer.readDoubleLE(0),
  survival: answer.readDoubleLE(8),
  terminated: answer.readUInt32LE(16) !== 0,
  truncated: answer.readUInt32LE(20) !== 0,
  observation: floats(answer, 24),
})

/** The rest of a message as float64, copied: typed arrays must be aligned. */
function floats(message: Buffer, from: number): Float64Array {
  if ((message.length - from) % 8 !== 0 || message.length < from)
    throw new GogepoError(
      'ERR_PYTHON',
      `The Python worker sent a message of ${message.length} bytes, which is too short.`,
    )
  const out = new Float64Array((message.length - from) / 8)
  new Uint8Array(out.buffer).set(message.subarray(from))
  return out
}
