// Every program of examples/, run as a person would, with small budgets.
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { loadPolicy } from '../lib/policy/policy.js'
import { resumeRun } from '../lib/run/resume.js'
import { readSafetensors, writeSafetensors } from '../lib/base/safetensors.js'
import { oneThread, startSmall } from './small.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = join(root, 'examples')
const ran: string[] = []

function example(t: Test, name: string, ...args: string[]): string {
  ran.push(name)
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(examples, name), ...args], {
    cwd: t.testdirName,
    encoding: 'utf8',
  })
  t.equal(status, 0, `${name}: ${stderr}`)
  return stdout
}

/** The file of a policy for a task, made by the command line. */
async function generated(t: Test, task: string, ...args: string[]): Promise<string> {
  const folder = join(t.testdir(), 'run')
  await startSmall({ task, steps: 300, run: folder, settings: { policyHidden: [256, 256], sliceSize: 16 } })
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist', 'cli', 'main.js'), 'generate', folder, '--out', 'policy.safetensors', '--json', ...args],
    { cwd: t.testdirName, encoding: 'utf8' },
  )
  t.equal(status, 0, stderr)
  t.match(JSON.parse(stdout), { out: 'policy.safetensors', task, run: folder, predicted: Number })
  return join(t.testdirName, 'policy.safetensors')
}

test('train and ask', (t) => {
  t.testdir()
  const said = example(t, '1-train-and-ask.mjs', '1500')
  t.match(
    said,
    /^(after \d+ steps: asked .*\n)+the best episode returned .*; the run is in runs\/CartPole-v1-s1-1\nasked 100: got .*\n.*\n.*\nasked best: got \S+ ± \S+, the critic expected \S+\n.+\n$/,
  )
  t.end()
})

test('a policy in an HTTP service', async (t) => {
  const file = await generated(t, 'MountainCarContinuous-v0', '--command', '90')
  const name = '2-http-service.mjs'
  ran.push(name)
  const service = spawn(process.execPath, [join(examples, name), file, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => service.kill())
  let said = ''
  const port = await new Promise<string>((resolve) => {
    service.stdout.on('data', (text: Buffer) => {
      said += String(text)
      const found = /^MountainCarContinuous-v0, commanded 90, on port (\d+)\n/.exec(said)
      if (found) resolve(found[1]!)
    })
  })
  const ask = (body: string, path = 'act') => fetch(`http://localhost:${port}/${path}`, { method: 'POST', body })
  using policy = loadPolicy(file)
  t.strictSame(await (await ask('[-0.5, 0.01]')).json(), [...policy.act([-0.5, 0.01])])
  const wrong = await ask('[1]')
  t.strictSame([wrong.status, / 2 .*MountainCarContinuous-v0.*got 1\./.test(await wrong.text())], [400, true])
  t.equal((await ask('no')).status, 400)
  t.equal((await ask('[0, 0]', 'else')).status, 404)
  t.match(said, /\nacted in [\d.]+ µs\n/)
})

test('a user-defined command strategy', (t) => {
  t.testdir()
  t.match(
    example(t, '3-command-strategy.mjs', '60'),
    /^asked 100, got .*\n(asked .*\n)+best .*\nbest \S+ after \d+ steps\n$/,
  )
  t.end()
})

test('several seeds in worker threads', (t) => {
  t.testdir()
  t.match(
    example(t, '4-seeds-in-workers.mjs', '2', '20'),
    /^seed 1: best \S+ after \d+ steps, in runs\/InvertedPendulum-v5-s1-1\nseed 2: best \S+ after \d+ steps, in runs\/InvertedPendulum-v5-s2-1\n$/,
  )
  t.end()
})

test('a sweep as SVG', async (t) => {
  const { run } = await startSmall({ task: 'InvertedPendulum-v5', steps: 300, run: join(t.testdir(), 'run') })
  t.match(example(t, '5-sweep-as-svg.mjs', run, 'sweep.svg', '3', '1'), /^sweep\.svg: 3 commands, RMS error \d/)
  const svg = readFileSync(join(t.testdirName, 'sweep.svg'), 'utf8')
  t.match(svg, /^<svg [^]*InvertedPendulum-v5[^]*<\/svg>$/)
  t.equal(svg.match(/aria-roledescription="point"/g)?.length, 6, 'for each command, what was achieved and predicted')
})

test('abort and resume', async (t) => {
  t.testdir()
  t.match(
    example(t, '6-abort-and-resume.mjs', '0.001', '60'),
    /^stopped after \d+ steps and saved\nresumed to \d+ steps, best \S+\n$/,
  )
  t.match(await resumeRun(join(t.testdirName, 'runs', 'InvertedPendulum-v5-s1-1'), oneThread), {
    alreadyFinished: true,
  })
})

/** Where Python finds NumPy: its own place, or build/python, where pip puts it once. */
function numpy(): NodeJS.ProcessEnv | undefined {
  const PYTHONPATH = join(root, 'build', 'python')
  const places = [process.env, { ...process.env, PYTHONPATH }]
  const found = () => places.find((env) => spawnSync('python3', ['-c', 'import numpy'], { env }).status === 0)
  if (found() === undefined) spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--target', PYTHONPATH, 'numpy'])
  return found()
}

test('NumPy alone gets the same actions from a policy’s file', async (t) => {
  const name = '7-policy-in-numpy.py'
  ran.push(name)
  const env = numpy()
  if (env === undefined) return t.pass('NumPy', { skip: 'no python3 with NumPy, and pip could not get it' })
  for (const [task, ...args] of [
    ['Hopper-v5', '--command', '300'],
    ['InvertedPendulum-v5', '--command', 'best'],
    ['Acrobot-v1', '--command', '-100', '--noise', '--seed', '3'],
  ] as const) {
    const file = await generated(t, task, ...args)
    using policy = loadPolicy(file)
    const { tensors } = readSafetensors(file)
    const [mean, std] = ['mean', 'std'].map((name) => tensors[`observation.${name}`]!.data as Float64Array)
    const observations = Array.from({ length: 20 }, (_, n) =>
      Array.from(mean!, (m, i) => m + 2 * std![i]! * Math.sin(7 * n + 3 * i)),
    ) // such as it has seen
    const { stdout, stderr } = spawnSync('python3', [join(examples, name), file], {
      env,
      encoding: 'utf8',
      input: observations.map((o) => `${o.join(' ')}\n`).join(''),
    })
    const actions = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number))
    t.equal(actions.length, 20, stderr)
    const difference = Math.max(
      ...observations.flatMap((o, n) => Array.from(policy.act(o), (a, i) => Math.abs(a - actions[n]![i]!))),
    )
    t.ok(difference <= 1e-6, `${task}: ${difference}`)
  }
})

test('NumPy’s actions are within bounds that single precision does not hold', async (t) => {
  const env = numpy()
  if (env === undefined) return t.pass('NumPy', { skip: 'no python3 with NumPy, and pip could not get it' })
  const file = await generated(t, 'InvertedPendulum-v5', '--command', 'best')
  const { tensors, metadata } = readSafetensors(file)
  for (const [low, high] of [
    [0.1, 0.3],
    [-0.4, 0.7],
    [-1e-6, 1e-6],
    [0.1, 1e6],
  ] as const)
    for (const round of [Number, Math.fround]) {
      const bounds = { 'action.low': round(low), 'action.high': round(high) }
      for (const [name, bound] of Object.entries(bounds))
        tensors[name] = { dtype: 'F64', shape: [1], data: Float64Array.of(bound) }
      writeSafetensors(file, { tensors, metadata })
      const { stdout, stderr } = spawnSync('python3', [join(examples, '7-policy-in-numpy.py'), file], {
        env,
        encoding: 'utf8',
        input: [1e6, -1e6, 30, -30, 0].map((x) => `${x} ${x} ${x} ${x}\n`).join(''),
      })
      const actions = stdout.trim().split('\n').map(Number)
      t.equal(actions.length, 5, stderr)
      for (const action of actions) t.ok(action >= bounds['action.low'] && action <= bounds['action.high'], `${action}`)
    }
})

test('user-defined tasks are solved', (t) => {
  t.testdir()
  t.match(example(t, '8-point-mass.mjs'), /solved; the run is in runs\/point-mass-s1-1\n$/)
  const budgets = [...example(t, '9-heating-budget.mjs').matchAll(/(\d\S*) euros: .* (\d\S*) ±/g)].map(
    ([, asked, cost]) => [Number(asked), Number(cost)] as const,
  )
  t.equal(budgets.length, 6)
  for (const [asked, cost] of budgets)
    if (asked >= 8) t.ok(Math.abs(cost - asked) < 1.5, `asked ${asked}, cost ${cost}`)
  t.ok(budgets.at(-1)![1] < 7.5, 'and the guard’s least cost below')
  t.end()
})

test('a user-defined algorithm', (t) => {
  t.testdir()
  const [, half, resumed, whole] =
    /^after \d+ steps: mean return (\S+)\nresumed, after \d+ steps: mean return (\S+)\n.*: mean return (\S+)\n$/.exec(
      example(t, '10-own-algorithm.mjs', '3000'),
    ) ?? []
  t.ok(half !== undefined && Number.isFinite(Number(half)))
  t.equal(resumed, whole, 'resumed is as if it had not stopped')
  t.end()
})

test('algorithms side by side', (t) => {
  t.testdir()
  const lines = example(t, '11-compare-algorithms.mjs', '300').trim().split('\n')
  t.strictSame(
    lines.map((line) => /^(\w+) after 300 steps, seeds 1 and 2: mean return [\d.]+ and [\d.]+$/.exec(line)?.[1]),
    ['gogepo', 'ars', 'ddpg', 'td3', 'sac'],
  )
  t.end()
})

test('and no other', (t) => {
  t.strictSame(
    readdirSync(examples)
      .filter((name) => /^\d/.test(name))
      .sort(),
    ran.sort(),
  )
  t.end()
})
