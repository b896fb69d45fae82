/** The runs in a folder, and the state of each, from files alone. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { isFinished } from '../train/trainer.js'
import { RunFolder } from './folder.js'

/** A run as its files show it. */
export interface ListedRun {
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
  /** It ended before its budget was spent: an evaluation was good enough. */
  stopped?: true
  /** What is wrong with a damaged one. */
  error?: string
}

const deepest = 3 // folders below the one given: --seeds and studies nest runs

/** The folders of all runs below a folder. */
export function runsBelow(folder: string, depth = deepest): string[] {
  const folders = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
  return folders.flatMap((path) =>
    existsSync(join(path, 'config.json')) ? [path] : depth > 1 ? runsBelow(path, depth - 1) : [],
  )
}

/** One damaged run does not hide the others. */
export function listedRun(run: string): ListedRun {
  try {
    return stateOf(run)
  } catch (error) {
    if (!(error instanceof GogepoError)) throw error
    const nothing = { algorithm: '', task: '', seed: 0, steps: 0, best: null, bestEvaluation: null, created: null }
    return { run, ...nothing, state: 'damaged', error: error.message }
  }
}

function stateOf(run: string): ListedRun {
  const folder = RunFolder.open(run)
  const { config, checkpoints, events } = folder
  const last = checkpoints.list().at(-1)
  const manifest = last === undefined ? undefined : checkpoints.manifest(last)
  const end = { budget: config.steps, stopAt: config.stopAt }
  const finished = manifest !== undefined && isFinished(last!, end, manifest.progress)
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
    state: running ? 'running' : finished ? 'finished' : 'interrupted',
    ...(finished && last! < config.steps && { stopped: true }),
  }
}
