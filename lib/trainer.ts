/** Drives a learner to its budget: evaluations on schedule, checkpoints, events, and a stop that saves. */
import { GogepoError } from './errors.js'
import type { Learner } from './learner.js'
import type { TrainEvent } from './report/reporter.js'
import type { LastEvaluation, Progress } from './checkpoint.js'
import type { RunStore } from './run-store.js'
import { meanAndStd } from './statistics.js'
import { Stopwatch } from './stopwatch.js'

export interface TrainOptions {
  learner: Learner
  store: RunStore
  onEvent?: ((event: TrainEvent) => void) | undefined
  /** Environment steps; the last episode is finished and learned from even past it. */
  budget: number
  /** Ends at the first evaluation whose mean reaches it. */
  stopAt: number | null
  evaluateEvery: number
  evaluationEpisodes: number
  /** Seconds between checkpoints, besides those at evaluations. */
  checkpointEvery: number
  /** Stops after the iteration under way, and saves. */
  signal: AbortSignal
  /** Where a resumed run stood. */
  from?: Progress
}

export interface TrainResult {
  /** Environment steps of training. */
  steps: number
  /** Episodes that ended soundly. */
  episodes: number
  /** The highest return of any of them, in stored units: without the survival bonus. */
  best: number | null
  lastEvaluation: LastEvaluation | null
  /** Wall time of all sittings. */
  seconds: number
  /** Of this sitting. */
  secondsBy: Record<string, number>
  /** Stopped before its end, and saved. */
  interrupted: boolean
  /** Episodes that diverged and the simulator's warnings, of all sittings; left out where there was none. */
  diverged?: number
  warnings?: number
}

/** Whether the budget is spent, or the last evaluation was good enough. */
export const hasEnded = (
  steps: number,
  { budget, stopAt }: Pick<TrainOptions, 'budget' | 'stopAt'>,
  { lastEvaluation }: Progress,
): boolean => steps >= budget || (stopAt !== null && lastEvaluation !== null && lastEvaluation.mean >= stopAt)

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { learner, store, evaluateEvery, evaluationEpisodes, checkpointEvery, signal } = options
  const { history } = learner
  const started = performance.now()
  const stopwatch = new Stopwatch<'checkpoint'>()
  const progress = { ...(options.from ?? fresh) }
  const before = progress.seconds
  const elapsed = (): number => before + (performance.now() - started) / 1000

  const emit = (event: TrainEvent): void => {
    store.append(event)
    options.onEvent?.(event)
  }
  const told = {
    steps: history.steps,
    best: history.best,
    episodes: history.episodes,
    diverged: history.diverged.length,
  }
  let saved = { steps: options.from ? history.steps : -1, at: started }
  const save = (): Promise<void> =>
    stopwatch.of('checkpoint', async () => {
      store.syncEvents()
      await store.checkpoints.save(learner, { ...progress, eventBytes: store.eventBytes, seconds: elapsed() })
      saved = { steps: history.steps, at: performance.now() }
    })

  try {
    while (!hasEnded(history.steps, options, progress) && !signal.aborted) {
      const { criticLoss, generatorLoss } = await learner.iterate()
      progress.iterations += 1
      emitEpisodes(criticLoss, generatorLoss)

      const passed = Math.floor(history.steps / evaluateEvery)
      if (passed > progress.evaluated && progress.iterations > 1 && history.episodes > 0) {
        progress.evaluated = passed
        progress.lastEvaluation = await evaluate()
        if (progress.bestEvaluation === null || progress.lastEvaluation.mean > progress.bestEvaluation.mean)
          progress.bestEvaluation = progress.lastEvaluation
        await save()
      } else if (performance.now() - saved.at >= checkpointEvery * 1000) await save()
    }
    if (saved.steps !== history.steps) await save()
    await stopwatch.of('checkpoint', () => store.checkpoints.written())
  } catch (error) {
    if (!(error instanceof GogepoError) || error.code !== 'ERR_NOT_FINITE') throw error
    const last = saved.steps > 0 ? `The checkpoint at ${saved.steps} steps is whole.` : 'There is no checkpoint yet.'
    throw new GogepoError(
      'ERR_NOT_FINITE',
      `${error.message} Training stops after ${history.steps} steps. ${last} Smaller learning rates, or less extreme commands, may help.`,
      { cause: error },
    )
  } finally {
    await store.checkpoints.written().catch(() => {}) // whatever went wrong, nothing of ours writes on
  }
  return {
    steps: history.steps,
    episodes: history.episodes,
    best: history.episodes > 0 ? history.best : null,
    lastEvaluation: progress.lastEvaluation,
    seconds: elapsed(),
    secondsBy: {
      rollout: 0,
      draw: 0,
      critic: 0,
      generator: 0,
      evaluation: 0,
      ...learner.seconds.total,
      ...stopwatch.total,
    },
    interrupted: !hasEnded(history.steps, options, progress),
    ...(history.diverged.length > 0 && { diverged: history.diverged.length }),
    ...(history.warnings > 0 && { warnings: history.warnings }),
  }

  /** The newest episodes, those that diverged last. */
  function emitEpisodes(criticLoss: number | null, generatorLoss: number | null): void {
    const seconds = Math.round(elapsed() * 1000) / 1000
    for (; told.episodes < history.episodes; told.episodes++) {
      const i = told.episodes
      told.steps += history.lengths[i]!
      told.best = Math.max(told.best, history.returns[i]!)
      emit({
        type: 'episode',
        steps: told.steps,
        episode: i + 1,
        command: history.commands[i]!,
        return: history.returns[i]!,
        fullReturn: history.fullReturns[i]!,
        length: history.lengths[i]!,
        best: told.best,
        criticLoss,
        generatorLoss,
        seconds,
      })
    }
    told.steps = history.steps
    for (; told.diverged < history.diverged.length; told.diverged++)
      emit({ type: 'diverged', steps: told.steps, attempt: history.diverged[told.diverged]! + 1, seconds })
  }

  async function evaluate(): Promise<LastEvaluation> {
    const [asked] = await learner.evaluate([history.best], evaluationEpisodes)
    const { command, predicted, returns } = asked!
    const { mean, std } = meanAndStd(returns)
    emit({
      type: 'evaluation',
      steps: history.steps,
      episode: history.episodes,
      command,
      predicted,
      returns,
      mean,
      std,
    })
    return { steps: history.steps, command, mean, std }
  }
}

const fresh: Progress = {
  eventBytes: 0,
  evaluated: 0,
  iterations: 0,
  seconds: 0,
  lastEvaluation: null,
  bestEvaluation: null,
}
