/**
 * A user-defined control task: move a mass on a line to the middle and hold it there, with a force of at most 1.
 *
 *   npx gogepo check examples/tasks/point-mass.ts
 *   npx gogepo train examples/tasks/point-mass.ts --steps 20000
 *   npx gogepo sweep runs/point-mass-s1-1
 */
import type { Environment, EnvironmentStep } from 'gogepo'

export default class PointMass implements Environment {
  readonly observationSpace = { shape: [2] } // position, speed
  readonly actionSpace = { low: [-1], high: [1] } // force
  readonly returnRange = [-200, 0] as const
  readonly timeLimit = 60

  private position = 0
  private speed = 0

  reset(seed: number): number[] {
    this.position = (seed % 2 === 0 ? -1 : 1) * (0.5 + (seed % 1000) / 1000) // 0.5 to 1.5 on either side
    this.speed = 0
    return [this.position, this.speed]
  }

  step(action: Float32Array): EnvironmentStep {
    this.speed += 0.1 * action[0]!
    this.position += 0.1 * this.speed
    const far = Math.abs(this.position) > 4 // out of bounds: ends the episode
    const reward = far ? -100 : -(this.position ** 2 + 0.1 * this.speed ** 2)
    return { observation: [this.position, this.speed], reward, terminated: far, truncated: false }
  }
}
