/** What a checkpoint holds of GoGePo and its relatives: networks with their Adam moments, and the replay buffer row by row. */
import { requireTensor, type Tensor } from '../base/safetensors.js'
import type {
  Critic,
  Device,
  Generator,
  LearnedPolicy,
  Native,
  NetworkState,
  PolicySpec,
  ReplayBuffer,
} from '../native/contract.js'
import { requireCounter, type LearnerState, type RowLog } from './algorithm.js'

/** Anything with flat parameters and Adam moments. */
type Trained = Pick<Critic | Generator | LearnedPolicy, 'state' | 'restore'>

const vectors = ['values', 'firstMoment', 'secondMoment'] as const

/** The state of several networks, by their names. */
export function networksState(networks: Readonly<Record<string, Trained>>): LearnerState {
  const tensors: Record<string, Tensor> = {}
  const counters: Record<string, number> = {}
  for (const [name, network] of Object.entries(networks)) {
    const state = network.state()
    counters[`${name}Updates`] = state.updates
    for (const vector of vectors)
      tensors[`${name}.${vector}`] = { dtype: 'F32', shape: [state[vector].length], data: state[vector] }
  }
  return { tensors, counters }
}

/**
 * Puts the state of several networks back.
 * @param sizes numbers of parameters, by the same names
 * @throws GogepoError ERR_FILE, ERR_SHAPE, ERR_CHECKPOINT
 */
export function restoreNetworks(
  networks: Readonly<Record<string, Trained>>,
  sizes: Readonly<Record<string, number>>,
  { tensors, counters }: LearnerState,
): void {
  for (const [name, network] of Object.entries(networks)) {
    const state = { updates: requireCounter(counters, `${name}Updates`) } as NetworkState
    for (const vector of vectors)
      state[vector] = requireTensor(tensors, `${name}.${vector}`, 'F32', [sizes[name]!]).data
    network.restore(state)
  }
}

/** The replay buffer's entries (θ, r), numbered over the whole run. */
export class BufferLog implements RowLog {
  readonly per = 'episode'
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
