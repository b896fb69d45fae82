/** What learns, behind one small interface: the trainer drives any of them. */
import type { Task } from './env/task.js'
import type { History } from './history.js'
import type { Tensor } from './safetensors.js'

/** What one iteration did. Losses are those before the last update, in squared return units. */
export interface Iteration {
  criticLoss: number | null
  generatorLoss: number | null
}

/** Episodes of one command. */
export interface Evaluation {
  command: number
  /** What the critic expects of G(c), in stored return units. */
  predicted: number
  /** Full rewards, an episode each. */
  returns: number[]
  /** In the units of the command: without the survival bonus. */
  achieved: number[]
  lengths: number[]
}

/** Everything an iteration depends on but the replay buffer's rows: named tensors and plain numbers. */
export interface LearnerState {
  tensors: Record<string, Tensor>
  counters: Record<string, number>
}

/** Bytes. */
export interface MemoryUsage {
  buffer: number
  parameters: number
  workspace: number
  /** What of these lies on a CUDA device. */
  device: number
}

/** The rows of a replay buffer, by their number in the run, for those who save them piece by piece. */
export interface SavedRows {
  readonly count: number
  readonly pushed: number
  rows(range: { first: number; count: number }): { thetas: Float32Array; returns: Float32Array }
}

export interface Learner {
  readonly options: { readonly task: Task }
  readonly history: History
  readonly buffer: SavedRows
  readonly seconds: { readonly total: Readonly<Record<string, number>> }
  iterate(): Promise<Iteration>
  /** @param own a random stream that is not the run's: the run goes on as if nothing had been asked */
  evaluate(
    commands: readonly number[],
    episodes: number,
    own?: { seed: number; firstIndex: number },
  ): Promise<Evaluation[]>
  state(): LearnerState
  /** Puts a state back; then the buffer's rows, oldest first. */
  restore(state: LearnerState): void
  restoreRows(first: number, thetas: Float32Array, returns: Float32Array): void
  memoryUsage(): MemoryUsage
  dispose(): void
}
