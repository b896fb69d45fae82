// Signals and streams that end a run on the command line: it is saved first.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { events, sets, small } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const train = [
  ...['train', 'InvertedPendulum-v5', '--threads', '1', '--torch-threads', '1', '--device', 'cpu', '--run', 'run'],
  ...sets({ ...small, evaluateEvery: 200 }),
]

/** tap puts listeners of its own for signals into what Node starts; the tests themselves may have been started by nohup. */
const node = ['NODE_OPTIONS=', '_=', process.execPath] as const

/** A training that continues until it is stopped. */
class Training {
  readonly child: ChildProcess
  stderr = ''
  private readonly ended: Promise<{ code: number | null; signal: string | null }>

  constructor(t: Test, stdin: 'ignore' | number = 'ignore') {
    this.child = spawn('env', [...node, cli, ...train, '--steps', '100M', '--json'], {
      cwd: t.testdirName,
      stdio: [stdin, 'ignore', 'pipe'],
    })
    this.child.stderr!.on('data', (text: Buffer) => (this.stderr += String(text)))
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve({ code, signal })))
  }

  /** Waits until it has reported that many more evaluations. */
  async evaluates(more = 1): Promise<void> {
    const count = (): number => this.stderr.split('evaluation at').length
    const wanted = count() + more
    while (count() < wanted && this.child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  end(): Promise<{ code: number | null; signal: string | null }> {
    return this.ended
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
  test(`${signal} saves and stops`, async (t) => {
    t.testdir()
    const training = new Training(t)
    await training.evaluates()
    training.child.kill(signal)
    t.strictSame(await training.end(), { code: 130, signal: null }, training.stderr)
    t.notMatch(training.stderr, /debugger/i, 'and no debugger listens')
    const before = events(join(t.testdirName, 'run'))
    const { steps } = before.at(-1)! as { steps: number }
    const resumed = spawnSync(
      process.execPath,
      [cli, 'train', '--resume', 'run', '--steps', String(steps + 50), '--json'],
      {
        cwd: t.testdirName,
        encoding: 'utf8',
      },
    )
    t.match(JSON.parse(resumed.stdout), { run: 'run' }, resumed.stderr)
    t.strictSame(events(join(t.testdirName, 'run')).slice(0, before.length), before)
  })

test('under nohup a terminal that is closed changes nothing', async (t) => {
  t.testdir()
  const stdin = openSync('/dev/null', 'w') // what nohup makes of a terminal
  const training = new Training(t, stdin)
  closeSync(stdin)
  await training.evaluates()
  training.child.kill('SIGHUP')
  await training.evaluates(2)
  t.equal(training.child.exitCode, null, 'it continues')
  training.child.kill('SIGTERM')
  t.strictSame(await training.end(), { code: 130, signal: null })
})

test('SIGUSR1 ends what has nothing to save, and opens no debugger', async (t) => {
  t.testdir({
    'stuck.mjs': `export default class {
      observationSpace = { shape: [1] }; actionSpace = { n: 2 }; returnRange = [0, 1]; timeLimit = 5
      reset() { process.stderr.write('stuck'); return new Promise((resolve) => setTimeout(resolve, 2 ** 30)) }
      step() {}
    }`,
  })
  const child = spawn('env', [...node, cli, 'check', './stuck.mjs'], { cwd: t.testdirName, stdio: 'pipe' })
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })))
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => {
    stderr += String(text)
    if (stderr === 'stuck') child.kill('SIGUSR1')
  })
  t.strictSame(await ended, { code: 138, signal: null })
  t.equal(stderr, 'stuck')
})

test('where no file can be opened, that is said in words', async (t) => {
  t.testdir()
  for (const args of [['envs'], train, ['evaluate', 'run'], ['sweep', 'run', '--csv', 'out.csv']]) {
    const { status, stderr } = spawnSync('bash', ['-c', 'ulimit -n 24; "$@"', 'bash', 'env', ...node, cli, ...args], {
      cwd: t.testdirName,
      encoding: 'utf8',
    })
    t.equal(status, 1)
    t.match(stderr, /^gogepo( \[ERR_\w+\])?: .*too many files.*ulimit -n \d+\n$/i)
  }
})

test('a second signal stops at once', async (t) => {
  t.testdir({
    'stuck.mjs': `export default class {
      observationSpace = { shape: [1] }; actionSpace = { n: 2 }; returnRange = [0, 1]; timeLimit = 5
      reset() { return [0] }
      step() { process.stderr.write('stuck'); return new Promise((resolve) => setTimeout(resolve, 2 ** 30)) }
    }`,
  })
  const args = ['train', './stuck.mjs', '--run', 'run', ...sets(small)]
  const child = spawn('env', [...node, cli, ...args], { cwd: t.testdirName, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })))
  let stderr = ''
  const soon = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
  child.stderr.on('data', (text: Buffer) => (stderr += String(text)))
  while (!stderr.includes('stuck')) await soon(20)
  child.kill('SIGINT')
  await soon(1000)
  t.equal(child.exitCode, null, 'the iteration does not end')
  for (; child.exitCode === null; await soon(500)) child.kill('SIGINT') // closer together they are one keypress
  t.strictSame(await ended, { code: 130, signal: null })
})

const full = existsSync('/dev/full') ? false : 'no /dev/full here'

test('standard output that cannot be written is an error', { skip: full }, async (t) => {
  t.testdir()
  const toFull = (...args: string[]) => {
    const out = openSync('/dev/full', 'w')
    const { status, stderr, signal } = spawnSync('env', [...node, cli, ...args], {
      cwd: t.testdirName,
      stdio: ['ignore', out, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(out)
    t.equal(signal, null)
    return { status, stderr }
  }
  for (const args of [['envs'], ['envs', '--json'], ['algorithms'], ['train', '--help']])
    t.match(toFull(...args), { status: 1, stderr: /^gogepo: .*output.*ENOSPC/ }, args.join(' '))
  const study = { tasks: ['CartPole-v1'], seeds: '1', steps: 1e9, variants: { a: { algorithm: 'ars' } } }
  writeFileSync(join(t.testdirName, 'study.json'), JSON.stringify(study))
  const dry = toFull('study', 'study.json', '--dry-run')
  t.match(dry, { status: 1, stderr: /^gogepo: .*output.*ENOSPC.*\n$/ }, 'nothing else is said')
  t.match(toFull(...train, '--steps', '100M'), { status: 1, stderr: /output.*ENOSPC/ })
  t.ok(events(join(t.testdirName, 'run')).length > 0, 'and the run is saved')
  t.match(readFileSync(join(t.testdirName, 'run', 'config.json'), 'utf8'), /"steps": 100000000/)
  const runs = spawnSync(process.execPath, [cli, 'runs', '.', '--json'], { cwd: t.testdirName, encoding: 'utf8' })
  t.match(JSON.parse(runs.stdout), [{ run: 'run', state: 'interrupted' }])
})

test('a reader that has seen enough ends it without a word', async (t) => {
  t.testdir()
  const piped = (args: string[]) =>
    spawnSync('bash', ['-c', '"$@" | head -1; exit ${PIPESTATUS[0]}', 'bash', 'env', ...node, cli, ...args], {
      cwd: t.testdirName,
      encoding: 'utf8',
    })
  t.match(piped([...train, '--steps', '100M']), { status: 130, stdout: /^gogepo on .*\n$/, stderr: '' })
  t.ok(events(join(t.testdirName, 'run')).length > 0, 'and it is saved')
  const failing = ['-c', '"$@" | true; exit ${PIPESTATUS[0]}', 'bash', 'env', ...node, cli, 'train', 'nope', '--json']
  t.match(spawnSync('bash', failing, { cwd: t.testdirName }), { status: 2 }, 'a failure stays one')
})
