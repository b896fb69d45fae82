/**
 * A user-defined task from everyday business: heat a building for a day. The return is the negative cost of the energy:
 * asking for a return of −6 means asking for a day that costs 6 euros. When the rooms get too cold, a thermostat turns on
 * full heat, so some of the cost is unavoidable.
 *
 *   npx gogepo check examples/tasks/heating.ts
 *   node examples/9-heating-budget.mjs        # trains, then asks for several budgets
 */
import type { Environment, EnvironmentStep } from 'gogepo'

const hours = 0.5 // per step
const coldest = 16 // °C, below which the thermostat heats

export default class Heating implements Environment {
  readonly observationSpace = { shape: [5] } // rooms and outside in °C, cosine and sine of the time of day, price
  readonly actionSpace = { low: [0], high: [6] } // heating power in kW
  readonly returnRange = [-16, 0] as const // euros
  readonly timeLimit = 48 // half hours

  private step_ = 0
  private rooms = 0
  private mildness = 0

  reset(seed: number): number[] {
    this.step_ = 0
    this.rooms = 18 + (seed % 100) / 50
    this.mildness = ((seed >>> 8) % 100) / 25 // the day's weather: 0 to 4 degrees warmer
    return this.observe()
  }

  step(action: Float32Array): EnvironmentStep {
    const power = this.rooms < coldest ? 6 : action[0]!
    const cost = power * hours * this.price()
    this.rooms += hours * (0.35 * power - 0.08 * (this.rooms - this.outside()))
    this.step_ += 1
    return { observation: this.observe(), reward: -cost, terminated: false, truncated: false }
  }

  private hour(): number {
    return this.step_ * hours
  }
  private outside(): number {
    return 3 + this.mildness - 4 * Math.cos((2 * Math.PI * (this.hour() - 3)) / 24)
  }
  /** Euros per kWh: cheaper at night. */
  private price(): number {
    return this.hour() < 6 || this.hour() >= 22 ? 0.08 : 0.14
  }
  private observe(): number[] {
    const angle = (2 * Math.PI * this.hour()) / 24
    return [this.rooms, this.outside(), Math.cos(angle), Math.sin(angle), this.price()]
  }
}
