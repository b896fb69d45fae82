/**
 * A user-defined task from everyday business: restock a shop for 60 days while customers come at random. The return is
 * the profit: asking for 200 means asking for a way of ordering that earns 200 euros. Ordering nothing loses about 110
 * because customers leave empty-handed, a good constant order earns about 550, and too many goods spoil.
 *
 *   npx gogepo check examples/tasks/inventory.ts
 *   npx gogepo train examples/tasks/inventory.ts --steps 60k
 */
import type { Environment, EnvironmentStep } from 'gogepo'

const days = 60
const margin = 1 // euros per piece sold: its price less what it cost
const waste = 0.5 // euros per piece that spoils, which one in ten does overnight
const spoiled = 0.1
const missed = 0.2 // euros of goodwill per customer who finds the shelf empty

export default class Inventory implements Environment {
  readonly observationSpace = { shape: [4] } // pieces in stock, pieces on their way, cosine and sine of the weekday
  readonly actionSpace = { low: [0], high: [30] } // pieces to order, delivered the next morning
  readonly returnRange = [-200, 600] as const // euros
  readonly timeLimit = days

  private day = 0
  private stock = 0
  private ordered = 0
  private random = uniforms(0)

  reset(seed: number): number[] {
    this.random = uniforms(seed)
    this.day = seed % 7
    this.stock = 10
    this.ordered = 0
    return this.observe()
  }

  step([order]: Float32Array): EnvironmentStep {
    this.stock += this.ordered
    this.ordered = Math.round(order!)

    const customers = this.poisson(this.expectedCustomers())
    const sold = Math.min(customers, this.stock)
    const gone = Math.round(spoiled * (this.stock - sold))
    this.stock -= sold + gone
    this.day += 1

    const reward = margin * sold - waste * gone - missed * (customers - sold)
    return { observation: this.observe(), reward, terminated: false, truncated: false }
  }

  private observe(): number[] {
    const angle = (2 * Math.PI * this.day) / 7
    return [this.stock, this.ordered, Math.cos(angle), Math.sin(angle)]
  }
  /** More at the end of the week. */
  private expectedCustomers(): number {
    return 10 - 4 * Math.cos((2 * Math.PI * (this.day - 1)) / 7)
  }
  /** A Poisson variate with this mean: how many uniform numbers can be multiplied before the product falls below e^−mean. */
  private poisson(mean: number): number {
    let count = 0
    for (let product = this.random(); product > Math.exp(-mean); product *= this.random()) count++
    return count
  }
}

/** Numbers from 0 to 1 that the seed determines: a counter, with its bits mixed. */
function uniforms(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
