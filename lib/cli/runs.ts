/** gogepo runs [dir]: the runs there are, and how each stands. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { GogepoError } from '../errors.js'
import { count, short } from '../report/terminal.js'
import { RunStore } from '../run-store.js'
import { hasEnded } from '../trainer.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'
import { table } from './table.js'

interface Listed {
  run: string
  task: string
  seed: number
  steps: number
  /** Highest stored return; null before the first episode. */
  best: number | null
  state: 'finished' | 'interrupted' | 'running' | 'damaged'
  /** What is wrong with a damaged one. */
  error?: string
}

export function runsCommand(): Command {
  return new Command('runs')
    .description(
      'Lists the runs in a folder: task, seed, steps, best return, and whether each is finished, interrupted or running.',
    )
    .argument('[dir]', 'folder that holds run folders', 'runs')
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo runs'))
    .action((dir: string, flags: { json?: boolean }) => {
      if (!existsSync(dir) || !statSync(dir).isDirectory())
        throw new GogepoError(
          'ERR_RUN',
          `${dir} ${existsSync(dir) ? 'is not a folder' : 'does not exist'}. Runs are kept in ./runs unless train was told another --run folder.`,
        )
      const runs = readdirSync(dir, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && existsSync(join(dir, entry.name, 'config.json')))
        .map((entry) => listed(join(dir, entry.name)))
      const rows = runs.map((r) => [
        r.run,
        r.task,
        String(r.seed),
        count(r.steps),
        r.best === null ? '' : short(r.best),
        r.state,
      ])
      outputs(flags.json).result(
        runs,
        runs.length === 0 ? `No runs in ${dir}.` : table(['run', 'task', 'seed', 'steps', 'best', 'state'], rows),
      )
    })
}

/** One damaged run does not hide the others. */
function listed(run: string): Listed {
  try {
    return stateOf(run)
  } catch (error) {
    if (!(error instanceof GogepoError)) throw error
    return { run, task: '', seed: 0, steps: 0, best: null, state: 'damaged', error: error.message }
  }
}

function stateOf(run: string): Listed {
  const store = RunStore.open(run)
  const { config, checkpoints } = store
  const last = checkpoints.list().at(-1)
  const manifest = last === undefined ? undefined : checkpoints.manifest(last)
  const ended =
    manifest !== undefined && hasEnded(last!, { budget: config.steps, stopAt: config.stopAt }, manifest.progress)
  const running = store.isRunning()
  const event = running ? store.lastEvent() : undefined
  return {
    run,
    task: config.task,
    seed: config.seed,
    steps: event?.steps ?? last ?? 0,
    best: manifest?.best ?? null,
    state: running ? 'running' : ended ? 'finished' : 'interrupted',
  }
}
