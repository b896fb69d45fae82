/** The units in which GoGePo's networks see returns and commands. */
import { GogepoError } from '../base/errors.js'
import type { Episodes } from '../native/contract.js'

/** Losses are squares of what the networks see: single precision ends at 3.4e38. */
const largest = 1e18

/**
 * An affine map between the returns of a task and what the networks see: a range that is `returnSpan` units long, so that a task whose
 * rewards are multiplied by a constant is learned in the same way. Learning rates are absolute: Adam takes steps of the same size
 * whatever the targets' scale is. Without a span, the networks see returns as they are.
 *
 * An untrained critic predicts about 0, so where 0 is decides what it expects of policies that are unlike any it has seen: `optimism`
 * units more than a return of 0, which is about what most untrained policies achieve.
 */
export class ReturnUnits {
  /** The return that the networks see as 0. With a span, a return of 0 counts as the nearest one in the range. */
  readonly origin: number
  /** One unit of the networks, in return units. */
  readonly unit: number
  /** The ends of the range by whose length the networks divide a command. */
  readonly range: { readonly returnMin: number; readonly returnMax: number }

  constructor({
    returnMin,
    returnMax,
    returnSpan,
    optimism,
    commandScale,
  }: {
    readonly returnMin: number
    readonly returnMax: number
    readonly returnSpan: number
    readonly optimism: number
    readonly commandScale: number
  }) {
    this.unit = returnSpan === 0 ? 1 : (returnMax - returnMin) / returnSpan
    const zero = returnSpan === 0 ? 0 : Math.min(returnMax, Math.max(returnMin, 0))
    this.origin = zero + optimism * this.unit
    const ends = [returnMin, returnMax].map((end) => this.toNetworks(end) / commandScale)
    this.range = { returnMin: ends[0]!, returnMax: ends[1]! }
  }

  toNetworks(value: number): number {
    return (value - this.origin) / this.unit
  }

  /** The returns, and the commands, whose losses are finite. */
  learnable(): [low: number, high: number] {
    return [this.fromNetworks(-largest), this.fromNetworks(largest)]
  }

  /** @throws GogepoError ERR_ENVIRONMENT when the loss of a return would not be finite */
  refuseLarge({ returns, diverged }: Pick<Episodes, 'returns' | 'diverged'>): void {
    const i = returns.findIndex((value, i) => !diverged[i] && !(Math.abs(this.toNetworks(value)) <= largest))
    if (i < 0) return
    const [low, high] = this.learnable().map((end) => end.toPrecision(2))
    const scaled = this.unit === 1 ? '' : ', or the range from returnMin to returnMax larger'
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `An episode returned ${returns[i]}, but with these settings only returns from ${low} to ${high} can be learned from. Make the task’s rewards smaller${scaled}.`,
    )
  }

  fromNetworks(value: number): number {
    return this.origin + value * this.unit
  }
}

/** For networks that see returns as they are. */
export const rawReturns = new ReturnUnits({ returnMin: 0, returnMax: 1, returnSpan: 0, optimism: 0, commandScale: 1 })
