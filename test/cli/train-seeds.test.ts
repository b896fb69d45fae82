import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { summary } from '../../lib/cli/train.js'
import { seedsOption, seedsSummary, type SeedResult } from '../../lib/cli/train-seeds.js'
import { RunFolder } from '../../lib/run/folder.js'
import { events, sets, small, startSmall } from '../small.js'

const main = join(fileURLToPath(new URL('../..', import.meta.url)), 'dist', 'cli', 'main.js')
const train = (...args: string[]): string[] => [
  main,
  'train',
  'Pendulum-v1',
  ...['--preset', 'paper'], // one episode per iteration
  ...sets(small),
  '--device',
  'cpu',
  '--json',
  ...args,
]

test('seeds are ranges and lists, each seed once', async (t) => {
  t.strictSame(seedsOption('1..4'), [1, 2, 3, 4])
  t.strictSame(seedsOption('7,1, 4'), [7, 1, 4])
  t.strictSame(seedsOption('0..1,5'), [0, 1, 5])
  for (const [text, words] of [
    ['', /got nothing/],
    ['1,', /got nothing/],
    ['4..1', /got 4\.\.1/],
    ['1..', /got 1\.\./],
    ['-1', /got -1/],
    ['1,2,1', /got 1 twice/],
    ['1..3,2', /got 2 twice/],
    ['0..99999', /at most 1024/],
  ] as const)
    t.throws(() => seedsOption(text), words)
})

test('the summary of seeds gives what was achieved in the unit of the command and of the best return', async (t) => {
  const run = { run: 'r/s1', algorithm: 'gogepo', task: 'Hopper-v5', seed: 1, steps: 2000, episodes: 90, best: 27.5 }
  const last = { steps: 2000, command: 27.5, mean: 21.5, std: 0.5, achievedMean: 0.25, achievedStd: 0.125 }
  const rest = { seconds: 2, secondsBy: {}, diverged: 0, warnings: 0, interrupted: false, alreadyFinished: false }
  const words = (lastEvaluation: typeof last | null) =>
    seedsSummary([{ ...run, ...rest, lastEvaluation } as unknown as SeedResult])
  t.equal(
    words(last),
    'seed 1: 2,000 steps, 90 episodes, best 27.5; last evaluation: commanded 27.5, achieved 0.25 ± 0.125 (full reward 21.5 ± 0.5); 2.0 s, in r/s1',
  )
  t.notMatch(words({ ...last, mean: 0.25, std: 0.125 }), /full reward/)
  t.equal(words(null), 'seed 1: 2,000 steps, 90 episodes, best 27.5; 2.0 s, in r/s1')
})

test('the summary of a run names its best evaluation where the last one is not as good', (t) => {
  const last = { steps: 2000, command: 27.5, mean: 21.5, std: 0.5, achievedMean: 0.25, achievedStd: 0.125 }
  const best = { ...last, steps: 1000, command: 20, mean: 22 }
  const words = (bestEvaluation: typeof last | null) =>
    summary({ ...result, lastEvaluation: bestEvaluation && last, bestEvaluation })
  const result = {
    ...{ run: 'r', algorithm: 'gogepo', task: 'Hopper-v5', seed: 1, steps: 2000, episodes: 90, best: 27.5 },
    ...{ seconds: 2, secondsBy: {}, interrupted: false, alreadyFinished: false },
  }
  t.match(
    words(best),
    /best evaluation, at 1,000 steps: commanded 20, achieved 0\.25 ± 0\.125 \(full reward 22 ± 0\.5\); .*--checkpoint best/,
  )
  for (const none of [last, { ...best, mean: last.mean }, null]) t.notMatch(words(none), /best evaluation/)
  t.end()
})

test('each of several seeds is, bit for bit, the run of that seed alone', async (t) => {
  const together = join(t.testdir(), 'together')
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    train('--seeds', '3,1..2', '--steps', '3000', '--run', together),
    { encoding: 'utf8' },
  )
  t.equal(status, 0, stderr)
  const results = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { seed: number; run: string; steps: number }[]
  t.strictSame(
    results.map(({ seed, run }) => [seed, run]),
    [3, 1, 2].map((seed) => [seed, join(together, `s${seed}`)]),
  )
  t.match(stderr, /s1 \d+% best .* \| s2 \d+% best .* \| s3 \d+% best .* steps\/s/)
  for (const { seed, run, steps } of results) {
    const alone = join(t.testdirName, `alone-${seed}`)
    t.match(await startSmall({ task: 'Pendulum-v1', preset: 'paper', seed, steps: 3000, run: alone }), { steps })
    t.strictSame(events(run), events(alone))
    t.ok(learner(run).equals(learner(alone)))
  }
})

/** All networks, optimizers and statistics, as the last checkpoint holds them. */
function learner(run: string): Buffer {
  const steps = RunFolder.open(run).checkpoints.list().at(-1)!
  return readFileSync(join(run, 'checkpoints', String(steps), 'learner.safetensors'))
}

test('Ctrl-C saves every seed, and each can be resumed', async (t) => {
  const together = join(t.testdir(), 'runs')
  const child = spawn(process.execPath, train('--seeds', '1,2', '--steps', '10000000', '--run', together), {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString()
    if (!child.killed && /s1 \d+% best .* \| s2 \d+% best/.test(stderr)) child.kill('SIGINT')
  })
  t.equal(await new Promise((settle) => child.on('close', settle)), 130, stderr)
  const results = JSON.parse(stdout.trimEnd()) as { run: string; steps: number; interrupted: boolean }[]
  t.match(results, [{ interrupted: true }, { interrupted: true }])
  for (const { run, steps } of results) {
    const resumed = spawnSync(
      process.execPath,
      [main, 'train', '--resume', run, '--steps', String(steps + 400), '--json'],
      { encoding: 'utf8' },
    )
    t.match(JSON.parse(resumed.stdout), { steps: steps + 400 }, resumed.stderr)
  }
})

test('a seed that fails does not stop the others; what is wrong with all is the command’s own error', async (t) => {
  const folder = t.testdir({ runs: { s2: { 'something.txt': 'not a run' } } })
  const one = spawnSync(process.execPath, train('--seeds', '1,2', '--steps', '400', '--run', join(folder, 'runs')), {
    encoding: 'utf8',
  })
  t.equal(one.status, 1)
  t.match(JSON.parse(one.stdout), [
    { seed: 1, steps: 400 },
    { seed: 2, error: { code: 'ERR_RUN', message: /never overwrites/ } },
  ])

  const all = spawnSync(process.execPath, train('--seeds', '1,2', '--env', 'nothing=1'), {
    encoding: 'utf8',
    cwd: folder,
  })
  t.equal(all.status, 2)
  t.match(JSON.parse(all.stdout), { error: { code: 'ERR_TASK_OPTION' } })
  for (const wrong of [
    ['--seeds', '1', '--seed', '2'],
    ['--seeds', '2..1'],
  ])
    t.equal(spawnSync(process.execPath, train(...wrong), { cwd: folder }).status, 2)
})
