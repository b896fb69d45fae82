// A small study for executors, and what must be true of it when it has finished.
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { RunStatus } from '../../lib/study/folder.js'
import { remains, small, startSmall } from '../small.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Runs the command line in a test's folder. */
export function gogepo(t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const options = { cwd: t.testdirName, encoding: 'utf8', env: { ...process.env, ...env } } as const
  return spawnSync(process.execPath, [main, ...args], options)
}

/** Writes study.json into the test's folder: two runs of so many steps, each swept. */
export function writeStudy(t: Test, steps: number): void {
  const variants = { learning: { preset: 'paper', settings: small } }
  const study = { name: 'a small study', tasks: ['Pendulum-v1'], variants, seeds: '1..2', steps, sweep: true }
  writeFileSync(join(t.testdir(), 'study.json'), JSON.stringify(study))
}

export const folder = join('runs', 'a small study')

export function statusOf(t: Test): RunStatus[] {
  const { stdout } = gogepo(t, ['study', 'status', folder, '--json'])
  return (JSON.parse(stdout) as { runs: RunStatus[] }).runs
}

/** Waits until something holds of the runs. */
export async function until(t: Test, what: string, holds: (runs: RunStatus[]) => boolean): Promise<void> {
  for (let seconds = 0; seconds < 600; seconds++) {
    if (holds(statusOf(t))) return
    await sleep(1000)
  }
  throw new Error(`${what}: still ${JSON.stringify(statusOf(t))}`)
}

/** The runs are, bit for bit, what they would be alone, and the results are there. */
export async function isComplete(t: Test, steps: number): Promise<void> {
  await until(t, 'finished', (runs) => runs.every(({ state }) => state === 'finished'))
  for (const seed of [1, 2]) {
    const alone = join(t.testdirName, `alone-${seed}`)
    await startSmall({ task: 'Pendulum-v1', seed, steps, run: alone })
    const run = join(t.testdirName, folder, 'Pendulum-v1-learning', `s${seed}`)
    t.strictSame(remains(run), remains(alone), `seed ${seed}`)
  }
  for (let seconds = 0; seconds < 60 && !existsSync(join(t.testdirName, folder, 'results.json')); seconds++)
    await sleep(1000)
  for (const name of ['runs.csv', 'evaluations.csv', 'sweeps.csv', 'results.json'])
    t.ok(existsSync(join(t.testdirName, folder, name)), name)
}
