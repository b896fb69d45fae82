// Tasks of users' own on the command line: checked, trained and asked about, and what is said where the file is wrong.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { sets, small } from '../small.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'dist', 'cli', 'main.js')
const tasks = join(root, 'examples', 'tasks')

test('the command line: check, train and ask about a file, and what it says where the file is wrong', (t) => {
  const dir = t.testdir()
  const gogepo = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  const task = join(tasks, 'point-mass.ts')
  const name = gogepo('check', task)
  t.match(name, {
    status: 0,
    stdout: /point-mass\.ts: .*gogepo train /,
    stderr: '',
  })
  writeFileSync(
    join(dir, 'half.mjs'),
    'export default class { observationSpace = { shape: [1] }; actionSpace = { n: 2 }; reset() { return [Math.random()] } step() { return { observation: [0], reward: 0, terminated: true, truncated: false } } }',
  )
  t.match(gogepo('check', './half.mjs'), {
    status: 1,
    stdout: /^\.\/half\.mjs:\n1\. no-return-range: .*\n {3}.*\n2\. reset-not-reproducible: .*\n {3}.*\n$/,
  })
  const found = gogepo('check', './half.mjs', '--json')
  t.match(JSON.parse(found.stdout), {
    task: './half.mjs',
    findings: [{ kind: 'no-return-range', problem: String, fix: String }, { kind: 'reset-not-reproducible' }],
  })
  t.match(gogepo('check', './none.ts'), { status: 2, stderr: /\.\/none\.ts/ })
  t.match(gogepo('check', 'Pendulum'), { status: 2, stderr: /Did you mean "Pendulum-v1"/ })
  t.match(gogepo('check', './half'), { status: 2, stderr: /\.\/half\.mjs/ })
  t.match(gogepo('train', 'half'), { status: 2, stderr: /"half".*\.\/half\.mjs/ })
  t.match(gogepo('envs', './half.mjs'), { status: 0, stdout: /2 choices, .*returnMin/ })
  writeFileSync(
    join(dir, 'never.mjs'),
    'export default class { observationSpace = { shape: [1] }; actionSpace = { low: [0], high: [2] }; returnRange = [0, 1]; timeLimit = 5; reset() { return [0] } step() { return new Promise(() => {}) } }',
  )
  t.match(gogepo('check', './never.mjs'), {
    status: 1,
    stdout: /1\. threw: step .*promise/,
  })
  t.match(gogepo('train', './never.mjs', '--run', 'never'), {
    status: 1,
    stderr: /never\.mjs: reset or step .*promise/,
  })
  t.match(gogepo('envs', './never.mjs'), { stdout: /action 1 \(0 to 2\)/ })
  writeFileSync(
    join(dir, 'throws.mjs'),
    'export default class { observationSpace = { shape: [1] }; actionSpace = { n: 2 }; returnRange = [0, 1]; timeLimit = 5; reset() { return [0] }\nstep() { throw new Error("no") } }',
  )
  t.match(gogepo('train', './throws.mjs', '--run', 'throws'), {
    status: 1,
    stderr: /step threw Error: no\n +at .*throws\.mjs:2:\d+\)\n$/,
  })
  t.match(gogepo('train', './half.mjs', '--run', 'x'), { status: 2, stderr: /returnMin.*--set returnMin=/ })

  const small300 = sets({ ...small, evaluateEvery: 200 })
  t.match(
    gogepo('train', task, '--steps', '300', '--run', 'run', '--threads', '1', '--torch-threads', '1', ...small300),
    {
      status: 0,
      stdout: /gogepo on .*point-mass\.ts, seed 1, 300 steps/,
      stderr: '',
    },
  )
  t.match(gogepo('train', '--resume', 'run', '--steps', '400'), { status: 0 })
  t.match(gogepo('evaluate', 'run', '--command', '-10', '--episodes', '2'), {
    status: 0,
    stdout: /point-mass\.ts: commanded -10, achieved/,
  })
  t.match(gogepo('sweep', 'run', '--points', '3', '--episodes', '2', '--task', task), { status: 0 })
  t.match(gogepo('generate', 'run', '--command', '-10', '--task', task, '--out', 'policy.safetensors'), { status: 0 })
  t.match(gogepo('check', '.'), { status: 2, stderr: /\./ })
  writeFileSync(join(dir, 'module.js'), 'export default class {}')
  writeFileSync(join(dir, 'package.json'), '{}')
  const { stdout, stderr } = gogepo('check', 'module.js')
  t.match(stdout + stderr, /observationSpace|\.mjs/, 'newer versions of Node see what it is')
  t.match(gogepo('train', task, '--task', task), { status: 2, stderr: /--task .*--resume/ })
  t.end()
})
