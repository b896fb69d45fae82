/** Records the transitions of episodes that are stepped from JavaScript. */
import type { EnvSpec, Transitions } from '../native/contract.js'

interface Step {
  observation: Float32Array
  action: Float32Array
  reward: number
  next: Float32Array
  terminated: boolean
}

export class Recorder {
  private readonly steps: Step[][]
  private readonly pending: Pick<Step, 'observation' | 'action'>[] = []

  constructor(
    episodes: number,
    private readonly spec: EnvSpec,
  ) {
    this.steps = Array.from({ length: episodes }, () => [])
  }

  /** What the policy saw and did. */
  before(episode: number, observation: Float64Array, action: Float32Array): void {
    this.pending[episode] = { observation: Float32Array.from(observation), action: action.slice() }
  }

  /** What followed from it. */
  after(episode: number, reward: number, observation: Float64Array, terminated: boolean): void {
    this.steps[episode]!.push({
      ...this.pending[episode]!,
      reward,
      next: Float32Array.from(observation),
      terminated,
    })
  }

  /** All transitions, episode by episode. */
  transitions(): Transitions {
    const all = this.steps.flat()
    const { observationSize, actionSize, discrete } = this.spec
    const rows = (width: number, row: (step: Step) => Float32Array): Float32Array => {
      const out = new Float32Array(all.length * width)
      all.forEach((step, i) => out.set(row(step), i * width))
      return out
    }
    return {
      episodes: Int32Array.from(this.steps.flatMap((steps, episode) => steps.map(() => episode))),
      observations: rows(observationSize, (step) => step.observation),
      actions: rows(discrete ? 1 : actionSize, (step) => step.action),
      rewards: Float64Array.from(all, (step) => step.reward),
      nextObservations: rows(observationSize, (step) => step.next),
      terminated: Uint8Array.from(all, (step) => (step.terminated ? 1 : 0)),
    }
  }
}
