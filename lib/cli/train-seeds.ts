/** gogepo train <task> --seeds 1..16: independent runs of one task in one process, each as it would be alone. */
import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import { InvalidArgumentError } from 'commander'
import { GogepoError } from '../errors.js'
import type { TrainEvent } from '../report/reporter.js'
import { SeedsTable } from '../report/seeds.js'
import { count, short } from '../report/terminal.js'
import type { RunOptions, RunResult } from '../run.js'
import { train } from '../training.js'
import { interruptible } from './interrupt.js'

const most = 1024

/** `1..16`, `1,4,7` or both: `1..3,9`. */
export function seedsOption(text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const [, low, high = low] = /^\s*(\d{1,15})(?:\.\.(\d{1,15}))?\s*$/.exec(part) ?? []
    if (low === undefined || Number(high) < Number(low))
      throw new InvalidArgumentError(`Expected seeds such as 1..16 or 1,4,7, got ${part === '' ? 'nothing' : part}.`)
    if (Number(high) - Number(low) >= most) throw new InvalidArgumentError(`Expected at most ${most} seeds.`)
    return Array.from({ length: Number(high) - Number(low) + 1 }, (_, i) => Number(low) + i)
  })
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i)
  if (twice !== undefined) throw new InvalidArgumentError(`Expected each seed once, got ${twice} twice.`)
  if (seeds.length > most) throw new InvalidArgumentError(`Expected at most ${most} seeds.`)
  return seeds
}

/** What became of one seed. */
export type SeedResult = RunResult | { seed: number; error: { code: string; message: string } }
export const failed = (result: SeedResult): result is Extract<SeedResult, { error: unknown }> => 'error' in result

/**
 * Trains every seed. One that fails lets the others go on; when all fail alike, that is thrown.
 * @param quiet nothing is said while they train
 * @param options.run the folder that holds the runs, s<seed> each; runs/<task>-s<seed>-<n> when left out
 */
export async function trainSeeds(
  people: NodeJS.WriteStream,
  seeds: readonly number[],
  quiet: boolean,
  { run, ...options }: Omit<RunOptions, 'seed' | 'signal' | 'onEvent' | 'onStart'>,
): Promise<SeedResult[]> {
  const table = quiet ? undefined : new SeedsTable(people)
  // One run alone keeps one core busy while it rolls out; together they share the cores. How many threads there are changes no result.
  const share = Math.max(1, Math.floor(availableParallelism() / seeds.length))
  const one = async (seed: number, signal: AbortSignal): Promise<RunResult> => {
    let listener: ((event: TrainEvent) => void) | undefined
    return train({
      ...options,
      seed,
      threads: options.threads ?? share,
      torchThreads: options.torchThreads ?? share,
      ...(run !== undefined && { run: join(run, `s${seed}`) }),
      signal,
      onEvent: (event) => listener?.(event),
      onStart({ run, config }) {
        table?.say(`${config.task}, seed ${seed}, ${count(config.steps)} steps, on ${config.device}, in ${run}`)
        listener = table?.listener(seed, config.steps)
      },
    }).result
  }
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
  if (foreign !== undefined) throw foreign // a fault of ours is not one seed's result
  if (reasons.length === seeds.length) throw reasons[0]
  return outcomes.map((outcome, i) =>
    outcome.status === 'fulfilled' ? outcome.value : { seed: seeds[i]!, error: told(outcome.reason as Error) },
  )
}

const told = (error: Error): { code: string; message: string } => ({
  code: error instanceof GogepoError ? error.code : 'ERR_FILE',
  message: error.message,
})

/** A line for each seed. */
export function seedsSummary(results: readonly SeedResult[]): string {
  return results
    .map((r) => {
      if (failed(r)) return `seed ${r.seed}: failed, ${r.error.code}: ${r.error.message}`
      const last = r.lastEvaluation
        ? `, last evaluation ${short(r.lastEvaluation.mean)} ± ${short(r.lastEvaluation.std)}`
        : ''
      return `seed ${r.seed}: ${r.interrupted ? 'interrupted and saved at ' : ''}${count(r.steps)} steps, ${count(r.episodes)} episodes, best ${r.best === null ? 'none' : short(r.best)}${last}, ${r.seconds.toFixed(1)} s, in ${r.run}`
    })
    .join('\n')
}
