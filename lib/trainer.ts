/** Drives a learner to its budget: evaluations on schedule, checkpoints, events, and a stop that saves. */
import type { Learner } from './learner.js'
import type { Reporter, TrainEvent } from './report/reporter.js'
import type { LastEvaluation, Progress, RunStore } from './run-store.js'
import { meanAndStd } from './statistics.js'
import { Stopwatch } from './stopwatch.js'

export interface TrainOptions {
  learner: Learner
  store: RunStore
  reporters: readonly Reporter[]
  /** Environment steps; the last episode is finished and learned from even past it. */
  budget: number
  /** Ends at the first evaluation whose mean reaches it. */
  stopAt: number | null
  evaluateEvery: number
  evaluationEpisodes: number
  /** Stops after the iteration under way, and saves. */
  signal: AbortSignal
  /** Where a resumed run stood. */
  from?: Progress
}

export interface TrainResult {
  steps: number
  episodes: number
  best: number | null
  lastEvaluation: LastEvaluation | null
  /** Wall time of all sittings. */
  seconds: number
  /** Of this sitting. */
  secondsBy: Record<string, number>
  interrupted: boolean
}

/** Whether the budget is spent, or the last evaluation was good enough. */
export const hasEnded = ({ learner, budget, stopAt }: Pick<TrainOptions, 'learner' | 'budget' | 'stopAt'>, { lastEvaluation }: Progress): boolean =>
  learner.history.steps >= budget || (stopAt !== null && lastEvaluation !== null && lastEvaluation.mean >= stopAt)

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { learner, store, reporters, evaluateEvery, evaluationEpisodes, signal } = options
  const { history } = learner
  const started = performance.now()
  const stopwatch = new Stopwatch<'checkpoint'>()
  const progress = { ...(options.from ?? fresh) }
  const before = progress.seconds
  const elapsed = (): number => before + (performance.now() - started) / 1000

  const emit = (event: TrainEvent): void => {
    store.append(event)
    for (const reporter of reporters) reporter.event(event)
  }
  let best = history.best
  let savedAt = options.from ? history.steps : -1
  const save = async (): Promise<void> => {
    progress.seconds = elapsed()
    await stopwatch.of('checkpoint', Promise.resolve(store.save(learner, progress)))
    savedAt = history.steps
  }

  while (!hasEnded(options, progress) && !signal.aborted) {
    const { policies, criticLoss, generatorLoss } = await learner.iterate()
    progress.iterations += 1
    emitEpisodes(policies, criticLoss, generatorLoss)

    const passed = Math.floor(history.steps / evaluateEvery)
    if (passed > progress.evaluated && progress.iterations > 1) {
      progress.evaluated = passed
      progress.lastEvaluation = await evaluate()
      if (progress.bestEvaluation === null || progress.lastEvaluation.mean > progress.bestEvaluation.mean) progress.bestEvaluation = progress.lastEvaluation
      await save()
    }
  }
  const finished = hasEnded(options, progress)
  if (savedAt !== history.steps) await save()
  for (const reporter of reporters) reporter.close?.()
  return {
    steps: history.steps,
    episodes: history.episodes,
    best: history.episodes > 0 ? history.best : null,
    lastEvaluation: progress.lastEvaluation,
    seconds: elapsed(),
    secondsBy: { rollout: 0, critic: 0, generator: 0, evaluation: 0, ...learner.seconds.total, ...stopwatch.total },
    interrupted: !finished,
  }

  function emitEpisodes(count: number, criticLoss: number | null, generatorLoss: number | null): void {
    const first = history.episodes - count
    let steps = history.steps - history.lengths.slice(first).reduce((sum, length) => sum + length, 0)
    for (let i = first; i < history.episodes; i++) {
      steps += history.lengths[i]!
      best = Math.max(best, history.returns[i]!)
      emit({
        type: 'episode', steps, episode: i + 1, command: history.commands[i]!, return: history.returns[i]!, fullReturn: history.fullReturns[i]!,
        length: history.lengths[i]!, best, criticLoss, generatorLoss, seconds: Math.round(elapsed() * 1000) / 1000,
      })
    }
  }

  async function evaluate(): Promise<LastEvaluation> {
    const [asked] = await learner.evaluate([history.best], evaluationEpisodes)
    const { command, predicted, returns } = asked!
    const { mean, std } = meanAndStd(returns)
    emit({ type: 'evaluation', steps: history.steps, episode: history.episodes, command, predicted, returns, mean, std })
    return { steps: history.steps, command, mean, std }
  }
}

const fresh: Progress = { eventBytes: 0, evaluated: 0, iterations: 0, seconds: 0, lastEvaluation: null, bestEvaluation: null }
