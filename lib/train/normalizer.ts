/** Running statistics of the training observations, merged episode by episode (Chan, Golub and LeVeque 1979). */
import { requireCounter, type LearnerState } from '../algorithms/algorithm.js'
import { requireTensor } from '../base/safetensors.js'
import type { Episodes, Statistics } from '../native/contract.js'

export class Normalizer implements Statistics {
  count = 0
  mean: Float64Array
  m2: Float64Array

  /** @param size dimensions of an observation, O */
  constructor(readonly size: number) {
    this.mean = new Float64Array(size)
    this.m2 = new Float64Array(size)
  }

  /** Adds what each episode observed, in episode order, so that the number of threads changes nothing. */
  merge({ counts, means, m2s }: Episodes['moments']): void {
    for (const [episode, added] of counts.entries()) {
      if (added === 0) continue
      const count = this.count + added
      for (let i = 0; i < this.size; i++) {
        const delta = means[episode * this.size + i]! - this.mean[i]!
        this.mean[i]! += (delta * added) / count
        this.m2[i]! += m2s[episode * this.size + i]! + (delta * delta * this.count * added) / count
      }
      this.count = count
    }
  }

  state(): LearnerState {
    const { size, mean, m2, count } = this
    return {
      tensors: {
        mean: { dtype: 'F64', shape: [size], data: mean.slice() },
        m2: { dtype: 'F64', shape: [size], data: m2.slice() },
      },
      counters: { observations: count },
    }
  }

  /** @throws GogepoError ERR_FILE, ERR_CHECKPOINT */
  restore({ tensors, counters }: LearnerState): void {
    this.count = requireCounter(counters, 'observations')
    this.mean = requireTensor(tensors, 'mean', 'F64', [this.size]).data
    this.m2 = requireTensor(tensors, 'm2', 'F64', [this.size]).data
  }
}
