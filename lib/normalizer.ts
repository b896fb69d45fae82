/** Running statistics of the observations of training, merged episode by episode (Chan, Golub and LeVeque 1979). */
import type { Episodes, Statistics } from './native.js'

export class Normalizer implements Statistics {
  count = 0
  mean: Float64Array
  m2: Float64Array

  /** @param size numbers in an observation */
  constructor(readonly size: number) {
    this.mean = new Float64Array(size)
    this.m2 = new Float64Array(size)
  }

  /** Adds what each episode observed, in episode order: the number of threads that ran them changes nothing. */
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
}
