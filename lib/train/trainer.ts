/** Drives a session to the end of its budget: evaluations on schedule, checkpoints, events, and a stop that saves. */
import { GogepoError, hasCode } from '../base/errors.js'
import { plural } from '../base/words.js'
import { meanAndStd } from '../base/statistics.js'
import type { TrainEvent } from './events.js'
import type { EvaluationStream, Session } from './session.js'

/** Where a run is, apart from the session's own state. */
export interface Progress {
  iterations: number
  /** Steps at the last scheduled evaluation; 0 before the first. */
  evaluatedAt: number
  /** Evaluation episodes on schedule so far: each has a random stream of its own. */
  evaluationEpisodes: number
  /** Wall time of training, interruptions excluded. */
  seconds: number
  lastEvaluation: EvaluationSummary | null
  bestEvaluation: EvaluationSummary | null
  /** Set as long as commands have to be corrected once training has ended. */
  uncorrected?: true
}

/** An evaluation in short. `mean` and `std` (population) are of its episodes' full rewards; the achieved returns are in stored units, like the command. */
export interface EvaluationSummary {
  steps: number
  /** null where the algorithm takes no commands. */
  command: number | null
  mean: number
  std: number
  achievedMean: number
  achievedStd: number
}

/** Where a training run is recorded. */
export interface Journal {
  append(event: TrainEvent): void
  /** Copies the session's state at once and writes it in the background. Throws what went wrong with the previous save. */
  save(session: Session, progress: Progress): Promise<void>
  /** Waits until nothing is being written. Throws what went wrong. */
  settled(): Promise<void>
}

/** What to train, and until when. */
export interface TrainOptions {
  session: Session
  journal: Journal
  onEvent?: (event: TrainEvent) => void
  /** Environment steps; the last iteration is completed even past it. */
  budget: number
  /** Ends at the first evaluation whose mean reaches it. */
  stopAt: number | null
  /** Stops after the current iteration, and saves. */
  signal: AbortSignal
  /** Where a resumed run was. */
  from?: Progress
}

/** How a training run ended. */
export interface TrainResult {
  /** Environment steps of training. */
  steps: number
  /** Episodes that ended normally. */
  episodes: number
  /** The highest return of any of them, in stored units: without the survival bonus. */
  best: number | null
  lastEvaluation: EvaluationSummary | null
  /** The one with the highest mean, the first of several; the run keeps its checkpoint, `best`. */
  bestEvaluation: EvaluationSummary | null
  /** Wall time of the whole run, interruptions excluded. */
  seconds: number
  /** Seconds in each phase since this process started or resumed the run. */
  secondsBy: Record<string, number>
  /** Stopped before its end, and saved. */
  interrupted: boolean
  /** Episodes that diverged, and simulator warnings, over the whole run; absent where there was none. */
  diverged?: number
  warnings?: number
}

/** Whether training has ended: the budget is spent, or the last evaluation was good enough. */
const hasEnded = (
  steps: number,
  { budget, stopAt }: Pick<TrainOptions, 'budget' | 'stopAt'>,
  { lastEvaluation }: Progress,
): boolean => steps >= budget || (stopAt !== null && lastEvaluation !== null && lastEvaluation.mean >= stopAt)

/** Whether nothing remains to be done: training has ended, and what commands achieve has been tried. */
export const isFinished = (steps: number, end: Pick<TrainOptions, 'budget' | 'stopAt'>, progress: Progress): boolean =>
  hasEnded(steps, end, progress) && !progress.uncorrected

const fresh: Progress = {
  iterations: 0,
  evaluatedAt: 0,
  evaluationEpisodes: 0,
  seconds: 0,
  lastEvaluation: null,
  bestEvaluation: null,
}

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { session, journal, signal } = options
  const { history, settings, stopwatch } = session
  const { evaluateEvery, evaluationEpisodes, checkpointEvery } = settings
  const { seed, algorithm } = session.options
  const started = performance.now()
  const progress = { ...(options.from ?? fresh) }
  delete progress.uncorrected // save() finds out
  const before = progress.seconds
  const elapsed = (): number => before + (performance.now() - started) / 1000
  const ended = (): boolean => hasEnded(history.steps, options, progress)
  const reported = {
    steps: history.steps,
    best: history.best,
    episodes: history.episodes,
    diverged: history.diverged.length,
  }
  let abandoned = false // before an iteration or evaluation was complete
  let lost = false // the state is newer than the last checkpoint, and cannot be saved
  let saved = { steps: options.from ? history.steps : -1, at: started }

  try {
    while (!ended() && !signal.aborted) {
      const metrics = await session.iterate()
      progress.iterations += 1
      emitIteration(metrics)

      const due = Math.floor(history.steps / evaluateEvery) > Math.floor(progress.evaluatedAt / evaluateEvery)
      if (due && progress.iterations > 1 && history.episodes > 0) {
        await evaluate({ seed, purpose: 'evaluation', firstIndex: progress.evaluationEpisodes })
        progress.evaluatedAt = history.steps
        progress.evaluationEpisodes += evaluationEpisodes
        await save()
      } else if (performance.now() - saved.at >= checkpointEvery * 1000) await save()
    }
    // A run ends with an evaluation whatever the schedule. Its streams are its own: a run that is extended later trains and
    // evaluates as if it had not ended here.
    if (ended() && history.episodes > 0 && progress.lastEvaluation?.steps !== history.steps) {
      await evaluate({ seed, purpose: 'final', firstIndex: 0 })
      await save()
    }
    if (ended() && session.needsCorrection && !signal.aborted) await correct()
    if (saved.steps !== history.steps) await save()
    await stopwatch.of('checkpoint', () => journal.settled())
  } catch (error) {
    if (hasCode(error, 'ERR_INTERRUPTED') && signal.aborted) await abandon()
    else if (hasCode(error, 'ERR_NOT_FINITE')) throw notFinite(error)
    else throw error
  } finally {
    await journal.settled().catch(() => {}) // whatever went wrong, nothing keeps writing
  }
  return {
    steps: lost ? Math.max(0, saved.steps) : history.steps,
    episodes: history.episodes,
    best: history.episodes > 0 ? history.best : null,
    lastEvaluation: progress.lastEvaluation,
    bestEvaluation: progress.bestEvaluation,
    seconds: elapsed(),
    secondsBy: { ...stopwatch.total },
    interrupted: abandoned || !ended() || session.needsCorrection,
    ...(history.diverged.length > 0 && { diverged: history.diverged.length }),
    ...(history.warnings > 0 && { warnings: history.warnings }),
  }

  /** A task did not answer after the signal. What the iteration has not learned yet is lost. */
  async function abandon(): Promise<void> {
    abandoned = true
    if (session.atBoundary && saved.steps !== history.steps) await save()
    else lost = saved.steps !== history.steps
    await journal.settled()
  }

  function notFinite(error: GogepoError): GogepoError {
    const last =
      saved.steps > 0 ? `The checkpoint at ${plural(saved.steps, 'step')} is intact.` : 'There is no checkpoint yet.'
    const extreme = algorithm.takesCommands ? 'less extreme commands' : 'smaller rewards'
    return new GogepoError(
      'ERR_NOT_FINITE',
      `${error.message} Training stops after ${plural(history.steps, 'step')}. ${last} Try smaller learning rates, or ${extreme}.`,
      { cause: error },
    )
  }

  function emit(event: TrainEvent): void {
    journal.append(event)
    options.onEvent?.(event)
  }

  /** The newest episodes, then those that diverged, then the iteration itself. */
  function emitIteration(metrics: Readonly<Record<string, number | null>>): void {
    const seconds = Math.round(elapsed() * 1000) / 1000
    for (; reported.episodes < history.episodes; reported.episodes++) {
      const i = reported.episodes
      reported.steps += history.lengths[i]!
      reported.best = Math.max(reported.best, history.returns[i]!)
      emit({
        type: 'episode',
        steps: reported.steps,
        episode: i + 1,
        ...(!Number.isNaN(history.commands[i]) && { command: history.commands[i]! }),
        return: history.returns[i]!,
        fullReturn: history.fullReturns[i]!,
        length: history.lengths[i]!,
        best: reported.best,
        seconds,
      })
    }
    reported.steps = history.steps
    for (; reported.diverged < history.diverged.length; reported.diverged++) {
      const attempt = history.diverged[reported.diverged]!
      const reason = history.divergedBecause.get(attempt)
      emit({ type: 'diverged', steps: reported.steps, attempt: attempt + 1, ...(reason && { reason }), seconds })
    }
    emit({ type: 'iteration', steps: history.steps, iteration: progress.iterations, metrics, seconds })
  }

  async function evaluate(stream: EvaluationStream): Promise<void> {
    const commands = algorithm.takesCommands ? [session.bestCommand] : undefined
    const [evaluation] = await session.evaluate(commands, evaluationEpisodes, stream)
    const { command, predicted, returns, achieved } = evaluation!
    const full = meanAndStd(returns)
    const own = meanAndStd(achieved)
    const summary = { mean: full.mean, std: full.std, achievedMean: own.mean, achievedStd: own.std }
    emit({
      type: 'evaluation',
      steps: history.steps,
      episode: history.episodes,
      ...(command !== undefined && { command }),
      ...(predicted !== undefined && { predicted }),
      returns,
      ...summary,
    })
    progress.lastEvaluation = { steps: history.steps, command: command ?? null, ...summary }
    const { bestEvaluation: best } = progress
    if (best === null || progress.lastEvaluation.mean > best.mean) progress.bestEvaluation = progress.lastEvaluation
  }

  /** What is learned is saved before, so that nothing is lost if this fails. It is no event: a run that is extended never ended here. */
  async function correct(): Promise<void> {
    if (saved.steps !== history.steps) await save()
    await session.correctCommands(evaluationEpisodes, signal)
    if (session.correction !== undefined) await save()
  }

  function save(): Promise<void> {
    return stopwatch.of('checkpoint', async () => {
      const { needsCorrection } = session
      await journal.save(session, { ...progress, seconds: elapsed(), ...(needsCorrection && { uncorrected: true }) })
      saved = { steps: history.steps, at: performance.now() }
    })
  }
}
