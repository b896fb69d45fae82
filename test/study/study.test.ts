// A small study, through the command line: interrupted, resumed, killed, failing, compared.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import type { Comparison } from '../../lib/study/compare.js'
import type { Study } from '../../lib/study/definition.js'
import type { RunStatus } from '../../lib/study/folder.js'
import { openRun } from '../../lib/run/opened-run.js'
import { oneThread, remains, small, startSmall } from '../small.js'

const main = join(fileURLToPath(new URL('../..', import.meta.url)), 'dist', 'cli', 'main.js')
const control = { criticUpdates: 0, generatorUpdates: 0 }
const study: Study = {
  tasks: [{ id: 'Pendulum-v1', threshold: -5000 }, 'MountainCarContinuous-v0'],
  variants: {
    learning: { preset: 'paper', settings: small },
    control: { preset: 'paper', settings: { ...small, ...control } },
  },
  seeds: '1..3',
  steps: '2k',
}

function writeStudy(t: Test, changes: Partial<Study> = {}): { file: string; out: string } {
  const dir = t.testdir()
  const file = join(dir, 'tiny.json')
  writeFileSync(file, JSON.stringify({ ...study, ...changes }))
  return { file, out: join(dir, 'out') }
}

interface Outcome {
  status: number | null
  stderr: string
  json: { runs: RunStatus[]; comparison: Comparison; error?: { code: string; message: string } }
}
function gogepo(...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--device', 'cpu', '--json'], {
    encoding: 'utf8',
  })
  return { status, stderr, json: JSON.parse(stdout.trimEnd().split('\n').at(-1) || 'null') as Outcome['json'] }
}
function ask<T>(...args: string[]): T {
  const { stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--json'], { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as T
}

/** Starts a study and sends it a signal once it has written this. */
async function cutShort(file: string, out: string, after: RegExp, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [main, 'study', file, '--out', out, '--jobs', '2', '--device', 'cpu'])
  let text = ''
  const look = (data: Buffer): void => {
    text += data.toString()
    if (!child.killed && after.test(text)) child.kill(signal)
  }
  child.stdout.on('data', look)
  child.stderr.on('data', look)
  const status = await new Promise<number | null>((settle) => child.on('close', settle))
  return { status, text }
}

test('a study is interrupted, resumed, and then is what it would have been without', async (t) => {
  const { file, out } = writeStudy(t)
  const cut = await cutShort(file, out, /s1: finished[\s\S]*s\d: started/, 'SIGINT')
  t.equal(cut.status, 130, cut.text)
  t.match(cut.text, /12 runs, 12 to do/)
  t.match(cut.text, /Continue with: gogepo study resume/)

  const { runs: between } = ask<{ runs: RunStatus[] }>('study', 'status', out)
  const count = (runs: RunStatus[], state: RunStatus['state']) => runs.filter((run) => run.state === state).length
  t.equal(between.length, 12)
  t.ok(count(between, 'finished') >= 1 && count(between, 'finished') < 12)
  t.equal(count(between, 'running'), 0)
  t.ok(count(between, 'pending') > 0)

  const { status, json, stderr } = gogepo('study', 'resume', out)
  t.equal(status, 0, stderr)
  t.equal(count(json.runs, 'finished'), 12)
  for (const [task, variant, seed] of [
    ['Pendulum-v1', 'learning', 1],
    ['Pendulum-v1', 'learning', 3],
    ['MountainCarContinuous-v0', 'control', 2],
  ] as const) {
    const alone = join(t.testdirName, `alone-${task}-${variant}-${seed}`)
    await startSmall({ task, seed, steps: 2000, run: alone, settings: variant === 'control' ? control : {} })
    t.strictSame(remains(join(out, `${task}-${variant}`, `s${seed}`)), remains(alone), `${task} ${variant} ${seed}`)
  }

  const { rows, beats, overall, notes } = json.comparison
  t.match(
    rows.map(({ task, variant, seeds }) => [task, variant, seeds]),
    [
      ['Pendulum-v1', 'learning', [1, 2, 3]],
      ['Pendulum-v1', 'control', [1, 2, 3]],
      ['MountainCarContinuous-v0', 'learning', [1, 2, 3]],
      ['MountainCarContinuous-v0', 'control', [1, 2, 3]],
    ],
  )
  t.match(rows[0]!.threshold, { return: -5000, reached: 3, runs: 3 }, 'every return is above')
  t.equal(rows[2]!.threshold, null)
  t.same(
    beats.map(({ task }) => task),
    ['Pendulum-v1', 'MountainCarContinuous-v0', null],
  )
  t.equal(overall.length, 2)
  t.match(notes.join(' '), /3 runs can be resampled in only 10 ways.*1 of 20 cases/)

  t.equal(lines(join(out, 'runs.csv')).length, 13)
  const evaluations = lines(join(out, 'evaluations.csv'))
  t.match(evaluations[0], /^task,variant,algorithm,preset,seed,steps,episode,command,predicted,mean,std/)
  t.match(evaluations[1], /^Pendulum-v1,learning,gogepo,\w+,1,\d+,/)
  t.match(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')), { comparison: { rows } })
  t.strictSame(ask<Comparison>('compare', out).rows, rows)
  t.match(
    ask<Comparison>('compare', join(out, 'Pendulum-v1-learning'), join(out, 'Pendulum-v1-control')).rows,
    [{ variant: /criticUpdates=4/ }, { variant: /criticUpdates=0/ }],
    'runs outside of a study are distinguished by their settings',
  )

  const again = gogepo('study', file, '--out', out)
  t.equal(again.status, 0)
  t.strictSame(again.json.comparison, json.comparison, 'nothing is left to do')
})

const lines = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\r\n')

test('a study that is killed leaves runs that save themselves; a raised budget and more seeds continue it', async (t) => {
  const { file, out } = writeStudy(t, { tasks: ['Pendulum-v1'], seeds: [4], steps: 20_000 })
  const cut = await cutShort(file, out, /s4: started[\s\S]*s4: started/, 'SIGKILL')
  t.equal(cut.status, null)
  writeFileSync(file, JSON.stringify({ ...study, tasks: ['Pendulum-v1'], seeds: [4, 5], steps: 20_400 }))
  const { status, json, stderr } = gogepo('study', file, '--out', out)
  t.equal(status, 0, stderr)
  t.match(json.runs, [{ steps: 20_400 }, { steps: 20_400 }, { steps: 20_400 }, { steps: 20_400 }])
  const alone = join(t.testdirName, 'alone')
  await startSmall({ task: 'Pendulum-v1', seed: 4, steps: 20_400, run: alone })
  t.strictSame(remains(join(out, 'Pendulum-v1-learning', 's4')), remains(alone))
})

test('a run that fails is reported, the others continue, and it can be tried again', async (t) => {
  const { file, out } = writeStudy(t, { tasks: ['Pendulum-v1'], seeds: '1..2', steps: 400 })
  t.equal(gogepo('study', file, '--out', out).status, 0)
  const checkpoints = join(out, 'Pendulum-v1-control', 's2', 'config.json')
  const config = readFileSync(checkpoints, 'utf8')
  writeFileSync(checkpoints, '{')
  writeFileSync(file, JSON.stringify({ ...study, tasks: ['Pendulum-v1'], seeds: '1..2', steps: 800 }))
  const broken = gogepo('study', file, '--out', out)
  t.equal(broken.status, 1)
  t.match(
    broken.json.runs.map(({ state }) => state),
    ['finished', 'finished', 'finished', 'failed'],
  )
  t.match(broken.json.runs[3], { error: { code: 'ERR_CHECKPOINT', message: /config\.json is broken/ } })
  t.match(broken.stderr, /Pendulum-v1-control\/s2: failed, ERR_CHECKPOINT/)
  writeFileSync(checkpoints, config)
  t.equal(gogepo('study', 'resume', out).status, 0)
})

test('a failure that cannot be recorded is a failure', async (t) => {
  const { file, out } = writeStudy(t, { tasks: ['Pendulum-v1'], seeds: '1', steps: 400 })
  t.equal(gogepo('study', file, '--out', out).status, 0)
  rmSync(join(out, 'Pendulum-v1-control'), { recursive: true })
  writeFileSync(join(out, 'Pendulum-v1-control'), 'in the place of a folder')
  const { status, json, stderr } = gogepo('study', file, '--out', out)
  t.equal(status, 1)
  t.match(
    json.runs.map(({ state }) => state),
    ['finished', 'failed'],
  )
  t.match(json.runs[1], { error: { message: /Pendulum-v1-control.* cannot be written/ } })
  t.notMatch(stderr, /\n {4}at /)
  rmSync(join(out, 'Pendulum-v1-control'))
  t.equal(gogepo('study', 'resume', out).status, 0)
})

test('every finished run that takes commands is swept, also when that is asked for later', async (t) => {
  const variants = { ...study.variants, ars: { algorithm: 'ars' } }
  const { file, out } = writeStudy(t, { tasks: ['Pendulum-v1'], variants, steps: 1000 })
  const without = gogepo('study', file, '--out', out)
  t.equal(without.status, 0, without.stderr)
  t.strictSame(
    without.json.comparison.rows.map(({ obedience }) => obedience),
    [null, null, null],
  )
  writeFileSync(file, JSON.stringify({ ...study, tasks: ['Pendulum-v1'], variants, steps: 1000, sweep: true }))
  const { status, json, stderr } = gogepo('study', file, '--out', out)
  t.equal(status, 0, stderr)
  const [learning, control, ars] = json.comparison.rows
  t.equal(ars!.obedience, null, 'it takes no commands')
  t.strictSame(control!.obedience!.seeds, [1, 2, 3])
  const { error, slope, rank, verdicts } = learning!.obedience!
  for (const [i, seed] of [1, 2, 3].entries()) {
    using run = await openRun(join(out, 'Pendulum-v1-learning', `s${seed}`), oneThread)
    const sweep = await run.sweep()
    t.strictSame(
      { error: error.values[i], slope: slope.values[i], rank: rank.values[i], verdict: verdicts[i] },
      { error: sweep.error, slope: sweep.slope, rank: sweep.rank, verdict: sweep.verdict },
      `what gogepo sweep measures, seed ${seed}`,
    )
  }
  const { value, low, high } = error.mean
  t.ok(low! >= Math.min(...error.values) && high! <= Math.max(...error.values))
  t.ok(Math.abs(value - error.values.reduce((sum, x) => sum + x) / 3) < 1e-12)

  const [head, first] = lines(join(out, 'runs.csv'))
  t.equal(Number(first!.split(',')[head!.split(',').indexOf('sweepError')]), error.values[0])
  t.equal(lines(join(out, 'sweeps.csv')).length, 1 + 6 * 21)
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as { runs: { sweep: object | null }[] }
  t.match(results.runs[0], { sweep: { error: error.values[0], verdict: verdicts[0] } })

  const sweepFile = join(out, 'Pendulum-v1-learning', 's1', 'sweep.json')
  const saved = readFileSync(sweepFile, 'utf8')
  rmSync(sweepFile)
  t.equal(ask<{ runs: RunStatus[] }>('study', 'status', out).runs[0]!.state, 'interrupted')
  t.equal(gogepo('study', 'resume', out).status, 0)
  t.equal(readFileSync(sweepFile, 'utf8'), saved, 'the same sweep again')
})

test('what a study file may hold', async (t) => {
  const wrong: [unknown, RegExp][] = [
    [{ ...study, variant: {} }, /unknown field variant\. Did you mean "variants"\?/],
    [{ ...study, tasks: [] }, /at least one task/],
    [{ ...study, tasks: ['Pendulum-v2'] }, /Did you mean "Pendulum-v1"/],
    [{ ...study, tasks: ['Pendulum-v1', 'Pendulum-v1'] }, /same folder/],
    [{ ...study, variants: { a: {}, A: {} } }, /same folder Pendulum-v1-A/],
    [{ ...study, variants: {} }, /variants to have at least one/],
    [{ ...study, variants: { a: { setings: {} } } }, /unknown field variants\.a\.setings\. Did you mean "settings"/],
    [{ ...study, variants: { a: { settings: { noise: 'x' } } } }, /variant a on Pendulum-v1: Setting noise/],
    [{ ...study, variants: { '../a': {} } }, /a name of up to 80 letters/],
    [{ ...study, seeds: '1,1' }, /each seed once/],
    [{ ...study, seeds: [] }, /at least one seed/],
    [{ ...study, seeds: [1.5] }, /each seed/],
    [{ ...study, steps: '3Q' }, /steps to be/],
    [{ ...study, name: '..' }, /with a letter or a digit/],
    [{ ...study, tasks: [{ id: 'Pendulum-v1', options: { gg: 1 } }] }, /tiny.json: task Pendulum-v1: .*no option/],
    [{ ...study, variants: { a: { algorithm: 'arz' } } }, /tiny.json: variant a: Unknown algorithm/],
    [{ ...study, sweep: 'yes' }, /sweep to be true or false/],
    [{ ...study, tasks: [{ id: 'Pendulum-v1', stopAtThreshold: true }] }, /no threshold/],
    [{ ...study, tasks: [{ id: 'Pendulum-v1', range: [1, 0] }] }, /lower one first/],
    [[], /expected the study to be an object/],
  ]
  const { file, out } = writeStudy(t)
  for (const [content, message] of wrong) {
    writeFileSync(file, JSON.stringify(content))
    const { status, json } = gogepo('study', file, '--out', out)
    t.match(json.error?.message, message)
    t.equal(status, 2, String(message))
    t.notOk(existsSync(out), 'nothing is made')
  }
})

test('a study in TypeScript, with a dry run that keeps nothing', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'typed.ts')
  writeFileSync(
    file,
    `import { defineStudy } from 'gogepo'
export default defineStudy({
  tasks: ['Pendulum-v1'],
  variants: Object.fromEntries([0, 1.1].map((recencyExponent) => [\`exponent \${recencyExponent}\`, { settings: { ...${JSON.stringify(small)}, recencyExponent } }])),
  seeds: '1..2',
  steps: '10k',
})`,
  )
  const out = join(dir, 'out')
  const { status, json, stderr } = gogepo('study', file, '--out', out, '--dry-run')
  t.equal(status, 0, stderr)
  const { costs, cpuHours } = json as unknown as {
    costs: { runs: number; steps: number; cpuHours: number }[]
    cpuHours: number
  }
  t.match(costs, [
    { variant: 'exponent 0', runs: 2, steps: 20_000, measuredBy: 'a trial' },
    { variant: 'exponent 1.1', runs: 2, steps: 20_000 },
  ])
  t.ok(cpuHours > 0 && cpuHours < 1)
  t.notOk(existsSync(out))
})
