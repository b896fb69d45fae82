/** What a checkpoint holds of GoGePo: both networks with their Adam moments, and the replay buffer row by row. */
import { requireTensor, type Tensor } from '../base/safetensors.js'
import type {
  Critic,
  Device,
  Generator,
  Native,
  Networks,
  NetworkState,
  PolicySpec,
  ReplayBuffer,
} from '../native/contract.js'
import { requireCounter, type LearnerState, type RowLog } from './algorithm.js'

interface Trained {
  readonly networks: Networks
  readonly generator: Generator
  readonly critic: Critic
}

const names = ['generator', 'critic'] as const
const vectors = ['values', 'firstMoment', 'secondMoment'] as const

export function networksState(trained: Trained): LearnerState {
  const tensors: Record<string, Tensor> = {}
  const counters: Record<string, number> = {}
  for (const name of names) {
    const state = trained[name].state()
    counters[`${name}Updates`] = state.updates
    for (const vector of vectors)
      tensors[`${name}.${vector}`] = { dtype: 'F32', shape: [state[vector].length], data: state[vector] }
  }
  return { tensors, counters }
}

export function restoreNetworks(trained: Trained, { tensors, counters }: LearnerState): void {
  for (const name of names) {
    const size = trained.networks.sizes[name]
    const state = { updates: requireCounter(counters, `${name}Updates`) } as NetworkState
    for (const vector of vectors) state[vector] = requireTensor(tensors, `${name}.${vector}`, 'F32', [size]).data
    trained[name].restore(state)
  }
}

/** The replay buffer's entries (θ, r), numbered over the whole run. */
export class BufferLog implements RowLog {
  readonly bytesPerRow: number

  constructor(
    private readonly native: Native,
    private readonly device: Device,
    private readonly spec: PolicySpec,
    private readonly buffer: ReplayBuffer,
  ) {
    this.bytesPerRow = (native.policySize(spec) + 1) * Float32Array.BYTES_PER_ELEMENT
  }

  get first(): number {
    return this.buffer.pushed - this.buffer.count
  }
  get end(): number {
    return this.buffer.pushed
  }

  read(first: number, count: number): Record<string, Tensor> {
    const { thetas, returns } = this.buffer.rows({ first, count })
    return {
      thetas: { dtype: 'F32', shape: [count, thetas.length / count], data: thetas },
      returns: { dtype: 'F32', shape: [count], data: returns },
    }
  }

  restore(first: number, count: number, columns: Record<string, Tensor>): void {
    const thetas = requireTensor(columns, 'thetas', 'F32', [count, -1]).data
    const returns = requireTensor(columns, 'returns', 'F32', [count]).data
    if (this.buffer.pushed !== first) this.buffer.clear({ pushed: first })
    const policies = new this.native.Policies(this.device, this.spec, thetas)
    this.buffer.push(policies, returns)
    policies.dispose()
  }
}
