/** gogepo runs [dir]: the runs in a folder, and the state of each. */
import { Command } from 'commander'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { count, short } from '../base/words.js'
import { RunFolder } from '../run/folder.js'
import { hasEnded } from '../train/trainer.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'
import { table } from './table.js'

interface Listed {
  run: string
  algorithm: string
  task: string
  seed: number
  steps: number
  /** The highest stored return; null before the first episode. */
  best: number | null
  /** The mean full reward of the best evaluation; null before the first. */
  bestEvaluation: number | null
  created: string | null
  state: 'finished' | 'interrupted' | 'running' | 'damaged'
  /** What is wrong with a damaged one. */
  error?: string
}

const deepest = 3 // folders below the one given: --seeds nests runs

export function runsCommand(): Command {
  return new Command('runs')
    .description(
      'List the runs in a folder: task, seed, steps, best return and evaluation, date, and whether each is finished, interrupted or running.',
    )
    .argument('[dir]', 'the folder that contains runs', 'runs')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo runs'))
    .action((dir: string, flags: { json?: boolean }) => {
      if (!existsSync(dir) || !statSync(dir).isDirectory())
        throw new GogepoError(
          'ERR_RUN',
          `${dir} ${existsSync(dir) ? 'is not a folder' : 'does not exist'}. Runs are in ./runs unless train was given another --run folder.`,
        )
      const runs = runsBelow(dir, deepest).map(listed)
      const rows = runs.map((r) => [
        r.run,
        r.algorithm,
        r.task,
        String(r.seed),
        count(r.steps),
        r.best === null ? '' : short(r.best),
        r.bestEvaluation === null ? '' : short(r.bestEvaluation),
        r.created?.slice(0, 10) ?? '',
        r.state,
      ])
      const head = ['run', 'algorithm', 'task', 'seed', 'steps', 'best', 'best evaluation', 'date', 'state']
      outputs(flags.json).result(runs, runs.length === 0 ? `There are no runs in ${dir}.` : table(head, rows))
    })
}

function runsBelow(folder: string, depth: number): string[] {
  const folders = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
  return folders.flatMap((path) =>
    existsSync(join(path, 'config.json')) ? [path] : depth > 1 ? runsBelow(path, depth - 1) : [],
  )
}

/** One damaged run does not hide the others. */
function listed(run: string): Listed {
  try {
    return stateOf(run)
  } catch (error) {
    if (!(error instanceof GogepoError)) throw error
    const nothing = { algorithm: '', task: '', seed: 0, steps: 0, best: null, bestEvaluation: null, created: null }
    return { run, ...nothing, state: 'damaged', error: error.message }
  }
}

function stateOf(run: string): Listed {
  const folder = RunFolder.open(run)
  const { config, checkpoints, events } = folder
  const last = checkpoints.list().at(-1)
  const manifest = last === undefined ? undefined : checkpoints.manifest(last)
  const end = { budget: config.steps, stopAt: config.stopAt }
  const ended = manifest !== undefined && hasEnded(last!, end, manifest.progress)
  const running = folder.isRunning()
  const event = running ? events.last() : undefined
  const { algorithm, task, seed, created } = config
  return {
    run,
    algorithm,
    task,
    seed,
    steps: event?.steps ?? last ?? 0,
    best: manifest?.best ?? null,
    bestEvaluation: manifest?.progress.bestEvaluation?.mean ?? null,
    created,
    state: running ? 'running' : ended ? 'finished' : 'interrupted',
  }
}
