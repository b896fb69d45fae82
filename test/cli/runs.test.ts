// gogepo runs: which folders are runs, and how each of them is.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { startRun } from '../../lib/run/start.js'
import { oneThread, sets, small, startSmall } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const gogepo = (t: Test, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: t.testdirName,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}
const listed = (t: Test, ...args: string[]) =>
  JSON.parse(gogepo(t, 'runs', ...args, '--json').stdout) as Record<string, unknown>[]

test('runs are found up to three folders deep, each with its algorithm and its state', async (t) => {
  const dir = t.testdir()
  await startSmall({ task: 'InvertedPendulum-v5', steps: 100, run: join(dir, 'runs', 'one'), seed: 4 })
  await startRun({
    ...oneThread,
    algorithm: 'ars',
    task: 'InvertedPendulum-v5',
    steps: 20,
    run: join(dir, 'runs', 'a', 'b', 'three'),
  })
  cpSync(join(dir, 'runs', 'one'), join(dir, 'runs', 'a', 'b', 'c', 'four'), { recursive: true })
  mkdirSync(join(dir, 'runs', 'one', 'inner'))
  cpSync(join(dir, 'runs', 'a', 'b', 'three', 'config.json'), join(dir, 'runs', 'one', 'inner', 'config.json'))
  mkdirSync(join(dir, 'runs', 'broken'))
  writeFileSync(join(dir, 'runs', 'broken', 'config.json'), '{')
  writeFileSync(join(dir, 'runs', 'file'), '')
  const controller = new AbortController()
  controller.abort()
  await startSmall({
    task: 'InvertedPendulum-v5',
    steps: 100,
    run: join(dir, 'runs', 'a', 'two'),
    signal: controller.signal,
  })

  const found = new Map(listed(t).map(({ run, ...what }) => [run, what]))
  t.strictSame([...found.keys()].sort(), ['runs/a/b/three', 'runs/a/two', 'runs/broken', 'runs/one'])
  t.match(found.get('runs/one'), {
    algorithm: 'gogepo',
    task: 'InvertedPendulum-v5',
    seed: 4,
    state: 'finished',
    best: Number,
  })
  t.match(found.get('runs/a/b/three'), { algorithm: 'ars', state: 'finished', bestEvaluation: Number })
  t.match(found.get('runs/a/two'), { state: 'interrupted', steps: 0, best: null, bestEvaluation: null })
  t.match(found.get('runs/broken'), { state: 'damaged', error: /config\.json/ })

  const { status, stdout } = gogepo(t, 'runs')
  t.equal(status, 0)
  t.match(stdout, /^ *run +algorithm +task +seed +steps +best return +best evaluation \(full reward\) +date +state\n/)
  t.match(stdout, /runs\/a\/b\/three +ars /)
  t.match(gogepo(t, 'runs', 'runs/one'), { status: 0 })
})

test('the seeds of one command are found where they lie', async (t) => {
  t.testdir()
  const train = ['train', 'InvertedPendulum-v5', '--seeds', '1,2', '--steps', '0.1k', '--run', 'runs/both']
  t.equal(gogepo(t, ...train, '--quiet', ...sets(small)).status, 0)
  t.match(listed(t), [
    { run: 'runs/both/s1', seed: 1 },
    { run: 'runs/both/s2', seed: 2 },
  ])
  t.ok(existsSync(join(t.testdirName, 'runs', 'both', 's2', 'events.jsonl')))
})

test('steps may be written with k and M', async (t) => {
  t.testdir()
  const train = ['train', 'MountainCarContinuous-v0', '--algorithm', 'ars', '--set', 'evaluationEpisodes=1', '--json']
  const { stdout, stderr } = gogepo(t, ...train, '--steps', '10k')
  t.match(JSON.parse(stdout), { steps: Number }, stderr)
  t.ok((JSON.parse(stdout) as { steps: number }).steps >= 10_000)
  t.match(stderr, /10,000 steps/)
  for (const wrong of ['10kk', 'k', '0.0001k', '1m'])
    t.match(gogepo(t, ...train, '--steps', wrong), { status: 2, stderr: /--steps/ }, wrong)
})

test('where there is nothing', async (t) => {
  t.testdir({ empty: {} })
  t.match(gogepo(t, 'runs'), { status: 1, stderr: /runs does not exist/ })
  t.match(gogepo(t, 'runs', 'empty'), { status: 0, stdout: /empty/ })
})
