// The tasks of rollout.test.ts: the same ones for each kind of rollout, as far as that kind allows.
import type { Environment, EnvironmentStep } from '../../lib/env/environment.js'
import { findTask } from '../../lib/env/find-task.js'
import { nativeTask } from '../../lib/env/native-task.js'
import type { Task } from '../../lib/env/task.js'
import { userTask } from '../../lib/env/typescript-task.js'
import type { TaskOptions } from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'

const native = openNative('cpu')

/** What every implementation of Rollout is tried on. */
export interface Tasks {
  /** Episodes of different lengths from different first states. */
  varied(): Promise<Task>
  /** A survival bonus, and always the same first state: results are compared across implementations. */
  hopper(): Promise<Task>
  /** Choices instead of numbers. */
  discrete(): Promise<Task>
  /** Actions between these bounds; an observation of `near` and a little more. Where the bounds of the tasks are given, left out. */
  line?(low: number, high: number, near?: number): Promise<Task>
}

/** Hopper from one state, ended by a fall. */
const hopperOptions: TaskOptions = { reset_noise_scale: 0 }
const hopperSpec = nativeTask(native, 'Hopper-v5', hopperOptions).spec
const firstState = [0, 1.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] // qpos and qvel

/** Hopper in TypeScript: the native one, replayed up to each step. */
class ReplayedHopper implements Environment {
  readonly observationSpace = { shape: [hopperSpec.observationSize] }
  readonly actionSpace = { low: hopperSpec.actionLow, high: hopperSpec.actionHigh }
  readonly survivalBonus = hopperSpec.survivalBonus
  readonly timeLimit = hopperSpec.maxEpisodeSteps
  private actions: number[] = []

  reset(): Float64Array {
    this.actions = []
    return Float64Array.from([...firstState.slice(1, 6), ...firstState.slice(6)]) // without the first position
  }
  step(action: Float32Array): EnvironmentStep {
    this.actions.push(...action)
    const { observations, rewards, terminated } = native.replay({
      env: 'Hopper-v5',
      options: hopperOptions,
      actions: Float64Array.from(this.actions),
      resets: Float64Array.of(0),
      states: Float64Array.from(firstState),
    })
    const last = rewards.length - 1
    return {
      observation: observations.slice(last * hopperSpec.observationSize),
      reward: rewards[last]!,
      terminated: terminated[last] === 1,
      truncated: false,
    }
  }
}

/** A point on a line. gogepo_test_tasks.Line is the same in Python, operation by operation. */
const line = (low: number, high: number, near = 0) =>
  class Line implements Environment {
    readonly observationSpace = { shape: [2] }
    readonly actionSpace = { low: [low], high: [high] }
    readonly timeLimit = 30
    x = 0
    v = 0
    reset(seed: number): number[] {
      this.x = (seed % 1000) / 1000
      this.v = 0
      return [near + this.x, this.v]
    }
    step([a = NaN]: Float32Array): EnvironmentStep {
      if (!(low <= a && a <= high)) throw new RangeError(`the action ${a} is outside of its bounds`)
      const share = (a - low) / (high - low) - 0.5
      this.v = 0.9 * this.v + 0.1 * share
      this.x = this.x + this.v
      return {
        observation: [near + this.x, this.v],
        reward: 1 - this.x * this.x,
        terminated: Math.abs(this.x) > 1.2,
        truncated: false,
      }
    }
  }

/** As CartPole has two choices. */
class Choices implements Environment {
  readonly observationSpace = { shape: [1] }
  readonly actionSpace = { n: 2 }
  readonly timeLimit = 12
  x = 0
  reset(seed: number): number[] {
    this.x = (seed % 100) / 100
    return [this.x]
  }
  step(action: number): EnvironmentStep {
    this.x = Math.sin(5 * this.x + 2 * action)
    return { observation: [this.x], reward: action, terminated: false, truncated: false }
  }
}

export const nativeTasks: Tasks = {
  varied: async () => nativeTask(native, 'Hopper-v5'),
  hopper: async () => nativeTask(native, 'Hopper-v5', hopperOptions),
  discrete: async () => nativeTask(native, 'CartPole-v1'),
}

export const typescriptTasks: Required<Tasks> = {
  varied: () => userTask(line(-1, 1)),
  hopper: () => userTask(ReplayedHopper),
  discrete: () => userTask(Choices),
  line: (low, high, near) => userTask(line(low, high, near)),
}

export const pythonTasks = (python: string): Required<Tasks> => {
  const task = (id: string, options: TaskOptions = {}) => findTask(native, `gymnasium:${id}`, options, { python })
  return {
    varied: () => task('gogepo_test_tasks:Line-v0'),
    hopper: () => task('Hopper-v5', hopperOptions),
    discrete: () => task('CartPole-v1'),
    line: (low, high, near = 0) => task('gogepo_test_tasks:Line-v0', { low, high, near }),
  }
}
