/** A run's progress under the names that the field uses for it: rows for TensorBoard and CSV. */
import type { EpisodeEvent, TrainEvent } from '../train/events.js'

/** Numbers at a step of training. */
export interface Row {
  step: number
  values: Record<string, number>
}

const window = 100 // episodes in the means of rollouts, as Stable-Baselines3 has it

/** Turns events into rows: one per iteration, one per evaluation. Names: docs/metrics.md. */
export class Fields {
  private readonly recent: Pick<EpisodeEvent, 'fullReturn' | 'length'>[] = []
  private last: EpisodeEvent | undefined
  private readonly started = performance.now()

  /** @param steps trained before this process */
  constructor(private readonly steps: number) {}

  row(event: TrainEvent): Row | undefined {
    if (event.type === 'episode') {
      this.recent.push(event)
      if (this.recent.length > window) this.recent.shift()
      this.last = event
      return undefined
    }
    if (event.type === 'iteration') return { step: event.steps, values: this.iteration(event.steps, event.metrics) }
    if (event.type !== 'evaluation') return undefined
    const { steps, mean, std, command, achievedMean, predicted } = event
    return {
      step: steps,
      values: known({
        'eval/mean_reward': mean,
        'eval/std_reward': std,
        'eval/achieved': achievedMean,
        'eval/command': command,
        'eval/predicted': predicted,
      }),
    }
  }

  private iteration(steps: number, metrics: Readonly<Record<string, number | null>>): Record<string, number> {
    const mean = (of: (episode: (typeof this.recent)[number]) => number): number | undefined =>
      this.recent.length === 0
        ? undefined
        : this.recent.reduce((sum, episode) => sum + of(episode), 0) / this.recent.length
    const { last } = this
    return known({
      'rollout/ep_rew_mean': mean(({ fullReturn }) => fullReturn),
      'rollout/ep_len_mean': mean(({ length }) => length),
      'rollout/return': last?.return,
      'rollout/command': last?.command,
      'rollout/best': last?.best,
      ...Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`train/${snake(name)}`, value])),
      'time/fps': (steps - this.steps) / ((performance.now() - this.started) / 1000),
      'time/episodes': last?.episode,
    })
  }
}

/** criticLoss: critic_loss */
const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const known = (values: Record<string, number | null | undefined>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => Number.isFinite(entry[1])))
