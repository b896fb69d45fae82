// What a worker can do wrong, and that no process is left behind.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { completeSettings } from '../lib/config.js'
import { architectureOf } from '../lib/architecture.js'
import { resumeRun } from '../lib/run.js'
import { cli, failure, findOfTests, folder, native, once, python, range, roll } from './real-gymnasium.js'
import { small, startSmall } from './small.js'

for (const what of ['Raises', 'Dies', 'Leaves', 'Hangs', 'Hangs-Hard', 'Outgrows'])
  test(`a worker that ${what.toLowerCase()} once: its episode runs again, and nothing is changed`, async (t) => {
    const { left } = folder(t)
    process.env['GOGEPO_EPISODE_SECONDS'] = '5'
    t.teardown(() => delete process.env['GOGEPO_EPISODE_SECONDS'])
    const [expected] = await roll({ task: await findOfTests('Good-v0'), runs: [{ episodes: 4 }] })
    const [got] = await roll({ task: await findOfTests(`${what}-v0`), runs: [{ episodes: 4 }], threads: 2 })
    t.strictSame(got, expected)
    t.ok(existsSync(join(left, 'misbehaved')))
  })

test('a worker that fails twice in an episode ends the run, in words; the run can go on', async (t) => {
  const { dir } = folder(t)
  const always = { always: true }
  const said = async (id: string, threads = 1) =>
    await failure(roll({ task: await findOfTests(id, always), runs: [{ episodes: 3, firstIndex: 4 }], threads }))
  t.match(await said('Raises-v0', 3), {
    code: 'ERR_PYTHON',
    message:
      /^gymnasium:gogepo_test_tasks:Raises-v0: training episode [567] failed in two Python processes\. The second ended with exit code 1\. It last wrote:\n[^]*RuntimeError: the oven is cold$/,
  })
  t.match(await said('Dies-v0'), { message: /The second was ended by signal 6\. It last wrote:\n[^]*going down/ })
  t.match(await said('Leaves-v0'), { message: /The second ended with exit code 0/ })
  t.match(await said('Outgrows-v0'), {
    message: /expected an observation of 4 numbers, as the observation space says, got 5$/,
  })
  process.env['GOGEPO_EPISODE_SECONDS'] = '3'
  t.teardown(() => delete process.env['GOGEPO_EPISODE_SECONDS'])
  t.match(await said('Hangs-v0'), { message: /The second gave no answer for 3 seconds \(GOGEPO_EPISODE_SECONDS\)/ })

  const run = join(dir, 'run')
  const failed = await failure(
    startSmall({
      task: { id: 'gymnasium:gogepo_test_tasks:Raises-v0', options: always },
      python,
      run,
      steps: 100,
      settings: range,
    }),
  )
  t.match(failed, { code: 'ERR_PYTHON', cause: Error })
  const config = join(run, 'config.json')
  writeFileSync(config, readFileSync(config, 'utf8').replace('"always": true', '"always": false'))
  t.match(await resumeRun(run), { steps: Number, interrupted: false })
})

test('what a task prints harms nothing', async (t) => {
  folder(t)
  const [expected] = await roll({ task: await findOfTests('Good-v0'), runs: [{ episodes: 2 }] })
  t.strictSame((await roll({ task: await findOfTests('Prints-v0', { always: true }), runs: [{ episodes: 2 }] }))[0], {
    ...expected,
  })
})

test('an observation that is not finite is a diverged episode', async (t) => {
  folder(t)
  const [episodes] = await roll({ task: await findOfTests('Has-Nan-v0'), runs: [{ episodes: 2 }] })
  t.strictSame(Array.from(episodes!.diverged), [1, 0])
  t.equal(episodes!.lengths[0], 3)
  t.equal(episodes!.moments.counts[0], 3)
})

test('one run at a time; a disposed one says so', async (t) => {
  folder(t)
  const task = await findOfTests('Good-v0')
  const architecture = architectureOf(task.spec, completeSettings({ ...small, ...range }, { evaluateEvery: 1000 }))
  const engine = new native.Engine({ architecture, engine: 'fast', device: 'cpu', threads: 1 })
  const policies = new native.Policies(engine, new Float32Array(engine.sizes.policy))
  const rollout = task.rollout(engine, 1, architecture)
  const first = rollout.run(policies, once)
  t.match(await failure(rollout.run(policies, once)), { code: 'ERR_BUSY' })
  await first
  const second = rollout.run(policies, once)
  rollout.dispose()
  t.match(await failure(second), { code: 'ERR_DISPOSED' })
  t.match(await failure(rollout.run(policies, once)), { code: 'ERR_DISPOSED' })
  policies.dispose()
  engine.dispose()
})

/** Whether a process is there, and not only waiting to be buried. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
async function until(what: string, done: () => boolean, seconds = 60): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !done(); await new Promise((soon) => setTimeout(soon, 50)))
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} seconds`)
}

for (const [id, signal] of [
  ['Hangs-v0', 'SIGKILL'],
  ['Hangs-Hard-v0', 'SIGKILL'],
  ['Hangs-v0', 'twice SIGINT'],
] as const)
  test(`no process is left after ${signal} while ${id}`, async (t) => {
    const { dir, left } = folder(t)
    const task = `gymnasium:gogepo_test_tasks:${id}`
    const child = spawn(
      process.execPath,
      [
        cli,
        'train',
        task,
        '--python',
        python,
        '--threads',
        '1',
        '--torch-threads',
        '1',
        '--run',
        join(dir, 'run'),
        '--set',
        'returnMin=0',
        '--set',
        'returnMax=500',
        ...Object.entries(small).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`]),
      ],
      { stdio: 'ignore' },
    )
    await until('the task hangs', () => existsSync(join(left, 'processes')))
    const processes = readFileSync(join(left, 'processes'), 'utf8').split(' ').map(Number)
    t.strictSame(
      processes.map(lives),
      [true, true, true],
      'the worker, the one that waits, and what the task has started',
    )
    if (signal === 'SIGKILL') child.kill('SIGKILL')
    else {
      child.kill('SIGINT')
      await new Promise((soon) => setTimeout(soon, 600))
      child.kill('SIGINT')
    }
    await until('all have ended', () => !processes.some(lives), 10)
    t.pass()
  })

test('a worker whose waiting process is killed ends as well, and an idle one that has gone is started anew', async (t) => {
  const { left } = folder(t)
  process.env['GOGEPO_EPISODE_SECONDS'] = '60'
  t.teardown(() => delete process.env['GOGEPO_EPISODE_SECONDS'])
  const running = roll({ task: await findOfTests('Hangs-v0'), runs: [{ episodes: 2 }] })
  await until('the task hangs', () => existsSync(join(left, 'processes')))
  const [worker, waiting, started] = readFileSync(join(left, 'processes'), 'utf8').split(' ').map(Number)
  t.teardown(() => lives(started!) && process.kill(started!))
  process.kill(waiting!, 'SIGKILL')
  const [got] = await running
  t.strictSame(got, (await roll({ task: await findOfTests('Good-v0'), runs: [{ episodes: 2 }] }))[0])
  await until('the worker has ended', () => !lives(worker!), 10)
})
