// Questions to a trained run and to a policy file, and the files that a sweep writes.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { openRun } from '../../lib/run/opened-run.js'
import { oneThread, startSmall } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

test('a policy file runs in its task with its options, and achieves what the run achieves, bit for bit', async (t) => {
  const dir = t.testdir()
  const gogepo = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  for (const [name, options, removeSurvivalBonus] of [
    ['Hopper-v5', { healthy_reward: 3, healthy_z_range: [0.5, Infinity] as const }, true],
    ['Hopper-v5', {}, false],
    ['CartPole-v1', {}, true],
  ] as const) {
    const run = join(dir, `${name}-${removeSurvivalBonus}`)
    await startSmall({ task: { id: name, options }, run, steps: 300, settings: { removeSurvivalBonus } })
    const file = `${run}.safetensors`
    t.match(gogepo('generate', run, '--command', '12.5', '--out', file), { status: 0 })
    const { status, stdout, stderr } = gogepo('evaluate', file, '--episodes', '4', '--seed', '3', '--json')
    t.equal(status, 0, stderr)
    using opened = await openRun(run, oneThread)
    t.strictSame(JSON.parse(stdout), await opened.evaluate(12.5, { episodes: 4, seed: 3 }))
    t.match(gogepo('evaluate', file), {
      status: 0,
      stdout: new RegExp(`^${name}: commanded 12\\.5, achieved .*10 episodes`),
    })
    t.match(gogepo('evaluate', file, '--command', '1'), { status: 2, stderr: /--command.*one policy/ })
    t.match(gogepo('evaluate', join(run, 'config.json')), { status: 1, stderr: /not a valid safetensors file/ })
    t.match(gogepo('sweep', file), { status: 1, stderr: /not a run/ })
  }
})

test('a sweep as CSV and as SVG', async (t) => {
  const dir = t.testdir()
  const run = join(dir, 'run')
  await startSmall({ task: 'InvertedPendulum-v5', run, steps: 300 })
  const files = { csv: join(dir, 'sweep.csv'), svg: join(dir, 'sweep.svg') }
  const args = ['--points', '5', '--episodes', '3', '--csv', files.csv, '--svg', files.svg, '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'sweep', run, ...args], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  const { rows, verdict } = JSON.parse(stdout) as { rows: Record<string, number>[]; verdict: string }
  const [head, ...lines] = readFileSync(files.csv, 'utf8').trimEnd().split('\n')
  const names = head!.split(',')
  t.strictSame(names, ['command', 'achievedMean', 'achievedStd', 'predicted', 'mean', 'std'])
  t.strictSame(
    lines.map((line) => line.split(',').map(Number)),
    rows.map((row) => names.map((name) => row[name])),
    'every digit',
  )
  const svg = readFileSync(files.svg, 'utf8')
  t.match(svg, /^<svg [^]*<\/svg>$/)
  t.match(svg, verdict)
  t.match(svg, 'InvertedPendulum-v5')
  const ends = ['--from', '-12345.678', '--to', '123456', '--points', '3', '--episodes', '1']
  const table = spawnSync(process.execPath, [cli, 'sweep', run, ...ends], { encoding: 'utf8' }).stdout
  const commands = table.split('\n').map((line) => line.trim().split(' ')[0])
  t.strictSame(commands.slice(2, 5), ['-12345.678', '55555', '123456'], 'what was typed is shown as it is')
  const bad = spawnSync(process.execPath, [cli, 'sweep', run, '--points', '2', '--csv', join(dir, 'none', 'a.csv')], {
    encoding: 'utf8',
  })
  t.match(bad, { status: 1, stderr: /there is no folder .*none/ })
})

test('more threads than CPUs are warned of by every verb that has them', async (t) => {
  const dir = t.testdir()
  await startSmall({ task: 'InvertedPendulum-v5', run: join(dir, 'run'), steps: 100 })
  const gogepo = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8' })
  for (const args of [
    ['evaluate', 'run'],
    ['sweep', 'run', '--points', '2'],
    ['train', '--resume', 'run'],
  ]) {
    t.match(
      gogepo(...args, '--threads', '999').stdout,
      /^Warning: --threads 999 exceeds the \d+ CPUs? that/,
      args.join(' '),
    )
    t.match(gogepo(...args, '--threads', '999', '--json').stderr, /^Warning: --threads 999 /)
    t.notMatch(gogepo(...args, '--threads', '1').stdout, /Warning/)
  }
})

test('a command that is neither in the range nor was ever achieved is warned of by every verb that has one', async (t) => {
  const dir = t.testdir()
  await startSmall({ task: 'InvertedPendulum-v5', run: join(dir, 'run'), steps: 100 }) // its range is 0 to 1000
  const gogepo = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8' })
  const once = ['--episodes', '1']
  const words =
    /^Warning: 1234\.5 is outside the range of commands \(0 to 1000\) and of the returns achieved in training \(/
  for (const ask of [
    (command: string) => ['evaluate', 'run', `--command=${command}`, ...once],
    (command: string) => ['generate', 'run', `--command=${command}`, '--out', 'policy.safetensors'],
    (command: string) => ['sweep', 'run', '--from=500', `--to=${command}`, '--points', '2', ...once],
  ]) {
    t.match(gogepo(...ask('1234.5')).stdout, words, ask('1234.5').join(' '))
    t.match(gogepo(...ask('1234.5'), '--json').stderr, words)
    t.notMatch(gogepo(...ask('1000')).stdout, /Warning/)
  }
  const both = gogepo('sweep', 'run', '--from=-1', '--to=1000.25', '--points', '2', ...once)
  t.match(both.stdout, /^Warning: -1 and 1000\.25 are outside/)
  t.notMatch(gogepo('sweep', 'run', '--points', '2', ...once).stdout, /Warning/)
})
