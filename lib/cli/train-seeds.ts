/**
 * gogepo train <task> --seeds 1..16: independent runs of one task in one process, each with the results it would have
 * alone.
 */
import { InvalidArgumentError } from 'commander'
import { join } from 'node:path'
import { availableCpus } from '../base/cpus.js'
import { GogepoError } from '../base/errors.js'
import { parseSeeds } from '../base/seeds.js'
import { plural, short } from '../base/words.js'
import type { Reporter } from '../report/reporter.js'
import { SeedsTable } from '../report/seeds.js'
import { startRun, type RunResult, type StartOptions } from '../run/start.js'
import { interruptible } from './interrupt.js'
import { evaluationInWords } from './evaluation-words.js'

/** `1..16`, `1,4,7` or both: `1..3,9`. */
export function seedsOption(text: string): number[] {
  try {
    return parseSeeds(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** The outcome of one seed. */
export type SeedResult = RunResult | { seed: number; error: { code: string; message: string } }
export const failed = (result: SeedResult): result is Extract<SeedResult, { error: unknown }> => 'error' in result
/** Stopped, before it began or later. */
export const stopped = (result: SeedResult): boolean =>
  failed(result) ? result.error.code === 'ERR_INTERRUPTED' : result.interrupted

/**
 * Trains every seed. If one fails, the others continue; if all fail, throws the first error.
 * @param quiet print nothing while they train
 * @param logs makes what else each run reports to
 * @param options.run the folder that holds the runs, s<seed> each; runs/<task>-s<seed>-<n> when left out
 */
export async function trainSeeds(
  people: NodeJS.WriteStream,
  seeds: readonly number[],
  quiet: boolean,
  { run, ...options }: Omit<StartOptions, 'seed' | 'signal' | 'onEvent' | 'reporters'>,
  logs: () => Reporter[] = () => [],
): Promise<SeedResult[]> {
  const table = quiet ? undefined : new SeedsTable(people)
  // One run alone keeps one core busy while it rolls out; together they share the cores. The number of threads changes
  // no result.
  const share = Math.max(1, Math.floor(availableCpus() / seeds.length))
  const one = (seed: number, signal: AbortSignal): Promise<RunResult> =>
    startRun({
      ...options,
      seed,
      threads: options.threads ?? share,
      torchThreads: options.torchThreads ?? share,
      ...(run !== undefined && { run: join(run, `s${seed}`) }),
      signal,
      reporters: [...(table ? [table.reporter()] : []), ...logs()],
    })
  const outcomes = await interruptible(people, (signal) =>
    Promise.allSettled(
      seeds.map((seed) =>
        one(seed, signal).catch((error: unknown) => {
          table?.say(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`)
          throw error
        }),
      ),
    ),
  )
  table?.close()
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  const foreign = reasons.find(
    (reason) => !(reason instanceof GogepoError) && (reason as NodeJS.ErrnoException).syscall === undefined,
  )
  if (foreign !== undefined) throw foreign // a bug in gogepo is not one seed's result
  if (reasons.length === seeds.length) throw reasons[0]
  return outcomes.map((outcome, i) =>
    outcome.status === 'fulfilled' ? outcome.value : { seed: seeds[i]!, error: errorOf(outcome.reason as Error) },
  )
}

const errorOf = (error: Error): { code: string; message: string } => ({
  code: error instanceof GogepoError ? error.code : 'ERR_FILE',
  message: error.message,
})

/** One line per seed. */
export function seedsSummary(results: readonly SeedResult[]): string {
  return results
    .map((r) => {
      if (failed(r)) return `seed ${r.seed}: failed, ${r.error.code}: ${r.error.message}`
      const last = r.lastEvaluation === null ? '' : `; last evaluation: ${evaluationInWords(r.lastEvaluation)}`
      return `seed ${r.seed}: ${r.interrupted ? 'interrupted and saved at ' : ''}${plural(r.steps, 'step')}, ${plural(r.episodes, 'episode')}, best ${r.best === null ? 'none' : short(r.best)}${last}; ${r.seconds.toFixed(1)} s, in ${r.run}`
    })
    .join('\n')
}
