/** A Gogepo's state as named tensors, and back: everything an iteration depends on, the replay buffer's rows apart. */
import { GogepoError } from './errors.js'
import type { Gogepo } from './gogepo.js'
import type { LearnerState } from './learner.js'
import type { NetworkState } from './native.js'
import { Normalizer } from './normalizer.js'
import { requireTensor, type Tensor } from './safetensors.js'

const networks = ['generator', 'critic'] as const
const vectors = ['values', 'firstMoment', 'secondMoment'] as const
const columns = ['commands', 'returns', 'fullReturns', 'lengths'] as const

export function gogepoState(learner: Gogepo): LearnerState {
  const tensors: Record<string, Tensor> = {}
  const counters: Record<string, number> = {
    steps: learner.history.steps,
    episodes: learner.history.episodes,
    evaluationEpisodes: learner.evaluationEpisodes,
    observations: learner.normalizer.count,
    warnings: learner.history.warnings,
  }
  for (const network of networks) {
    const state = learner[network].state()
    counters[`${network}Updates`] = state.updates
    for (const vector of vectors)
      tensors[`${network}.${vector}`] = { dtype: 'F32', shape: [state[vector].length], data: state[vector] }
  }
  for (const part of ['mean', 'm2'] as const)
    tensors[`normalizer.${part}`] = {
      dtype: 'F64',
      shape: [learner.normalizer.size],
      data: learner.normalizer[part].slice(),
    }
  for (const column of columns) {
    const data = Float64Array.from(learner.history[column])
    tensors[`history.${column}`] = { dtype: 'F64', shape: [data.length], data }
  }
  const diverged = Float64Array.from(learner.history.diverged)
  tensors['history.diverged'] = { dtype: 'F64', shape: [diverged.length], data: diverged }
  return { tensors, counters }
}

/** @throws GogepoError ERR_CHECKPOINT when something is missing, ERR_SHAPE when it was made with other shapes. */
export function restoreGogepo(learner: Gogepo, { tensors, counters }: LearnerState): void {
  const counter = (name: string): number => {
    const value = counters[name]
    if (!Number.isSafeInteger(value) || value! < 0)
      throw new GogepoError('ERR_CHECKPOINT', `expected a whole number ${name}, got ${value}.`)
    return value!
  }
  for (const network of networks) {
    const size = learner.engine.sizes[network]
    const state = { updates: counter(`${network}Updates`) } as NetworkState
    for (const vector of vectors) state[vector] = requireTensor(tensors, `${network}.${vector}`, 'F32', [size]).data
    learner[network].restore(state)
  }
  const size = learner.normalizer.size
  const normalizer = new Normalizer(size)
  normalizer.count = counter('observations')
  for (const part of ['mean', 'm2'] as const)
    normalizer[part] = requireTensor(tensors, `normalizer.${part}`, 'F64', [size]).data
  Object.assign(learner.normalizer, normalizer)

  const episodes = counter('episodes')
  const [commands, returns, fullReturns, lengths] = columns.map(
    (column) => requireTensor(tensors, `history.${column}`, 'F64', [episodes]).data,
  )
  for (let i = 0; i < episodes; i++) learner.history.add(commands![i]!, returns![i]!, fullReturns![i]!, lengths![i]!)
  for (const attempt of requireTensor(tensors, 'history.diverged', 'F64', [-1]).data)
    learner.history.diverged.push(attempt)
  learner.history.steps = counter('steps')
  learner.history.warnings = counter('warnings')
  learner.evaluationEpisodes = counter('evaluationEpisodes')
}
