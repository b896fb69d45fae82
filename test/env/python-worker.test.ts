// What a worker can do wrong, and that no process is left behind.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { PythonWorker } from '../../lib/env/python-worker.js'
import { checkGymnasium } from '../../lib/env/gymnasium-check.js'
import { findTask } from '../../lib/env/find-task.js'
import { actorLibrary } from '../../lib/native/addon.js'
import type { Episodes } from '../../lib/native/contract.js'
import { resumeRun } from '../../lib/run/resume.js'
import { cli, failure, findOfTests, folder, native, python, range, roll } from './real-gymnasium.js'
import { events, once, randoms, rejection, sets, small, specOf, startSmall } from '../small.js'

for (const what of ['Raises', 'Dies', 'Leaves', 'Hangs', 'Hangs-Hard', 'Outgrows'])
  test(`a worker that ${what.toLowerCase()} once: its episode runs again, and nothing is changed`, async (t) => {
    const { left } = folder(t)
    process.env['GOGEPO_EPISODE_SECONDS'] = '5'
    t.teardown(() => delete process.env['GOGEPO_EPISODE_SECONDS'])
    const [expected] = await roll({ task: await findOfTests('Good-v0'), runs: [{ episodes: 4, record: true }] })
    const [got] = await roll({
      task: await findOfTests(`${what}-v0`),
      runs: [{ episodes: 4, record: true }],
      threads: 2,
    })
    t.strictSame(got, expected)
    t.ok(existsSync(join(left, 'misbehaved')))
  })

test('a worker that fails twice in an episode ends the run, in words; the run can be resumed', async (t) => {
  const { dir } = folder(t)
  const always = { always: true }
  const said = async (id: string, threads = 1) =>
    await failure(roll({ task: await findOfTests(id, always), runs: [{ episodes: 3, firstIndex: 4 }], threads }))
  t.match(await said('Raises-v0', 3), {
    code: 'ERR_PYTHON',
    message:
      /^gymnasium:gogepo_test_tasks:Raises-v0: training episode [567] failed in two Python processes\. The second .*exit code 1\. Its last output:\n[^]*RuntimeError: the oven is cold$/,
  })
  t.match(await said('Dies-v0'), { message: /The second was ended by signal 6\. Its last output:\n[^]*going down/ })
  t.match(await said('Leaves-v0'), { message: /The second ended with exit code 0/ })
  t.match(await said('Outgrows-v0'), {
    message: /\b4\b.*\b5$/,
  })
  process.env['GOGEPO_EPISODE_SECONDS'] = '3'
  t.teardown(() => delete process.env['GOGEPO_EPISODE_SECONDS'])
  t.match(await said('Hangs-v0'), { message: /\b3 seconds \(GOGEPO_EPISODE_SECONDS\)/ })

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

test('a paused episode is not repeated: its process was the only one that knew it', async (t) => {
  folder(t)
  const runs = [{ maxSteps: 2 }, { maxSteps: 2, resume: true }]
  t.match(await failure(roll({ task: await findOfTests('Raises-v0'), runs })), {
    code: 'ERR_PYTHON',
    message: /training episode 1 failed\. Its Python process ended with exit code 1\.[^]*the oven is cold$/,
  })
  const done = await roll({ task: await findOfTests('Raises-v0'), runs })
  t.strictSame([...done[1]!.lengths], [4], 'the first failure is not repeated here')
})

test('the actor library refuses in words, and exports nothing but its C functions', (t) => {
  const script = `import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.gogepo_actor_create.restype, library.gogepo_actor_error.restype = ctypes.c_void_p, ctypes.c_char_p
bounds = [(ctypes.c_double * 1)(bound) for bound in (1, -1)]
scales = [ctypes.c_double(0)] * 2
print(library.gogepo_actor_create(2, 1, 0, *bounds, None, 0, 1, 0, 0, 0, *scales), library.gogepo_actor_error().decode())
print(library.gogepo_actor_create(0, 1, 0, *bounds, None, 0, 1, 0, 0, 0, *scales), library.gogepo_actor_error().decode())`
  const { status, stdout, stderr } = spawnSync(python, ['-c', script, actorLibrary()], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.match(stdout, /^None .*action.*\nNone .*sizes are positive\n$/)
  const { stdout: symbols } = spawnSync('nm', ['-D', '--defined-only', actorLibrary()], { encoding: 'utf8' })
  for (const name of symbols.trim().split('\n')) t.match(name, / T gogepo_actor_\w+$/)
  t.end()
})

test('what a task prints harms nothing', async (t) => {
  folder(t)
  const [expected] = await roll({ task: await findOfTests('Good-v0'), runs: [{ episodes: 2 }] })
  t.strictSame((await roll({ task: await findOfTests('Prints-v0', { always: true }), runs: [{ episodes: 2 }] }))[0], {
    ...expected,
  })
})

test('neither does what it writes to descriptors that it has inherited, or closes', async (t) => {
  folder(t)
  const [expected] = await roll({ task: await findOfTests('Good-v0'), runs: [{ episodes: 3 }] })
  t.strictSame((await roll({ task: await findOfTests('Writes-v0', { always: true }), runs: [{ episodes: 3 }] }))[0], {
    ...expected,
  })
})

test('a reward is one number, in whatever form NumPy has it', async (t) => {
  folder(t)
  for (const form of ['float', 'int', 'numpy', 'array', 'one', 'bool']) {
    const [{ returns }] = (await roll({ task: await findOfTests('Rewards-v0', { form }), runs: [{}] })) as [Episodes]
    t.strictSame([...returns], [4], form)
  }
  for (const [form, facts] of [
    ['none', /reward.*None/],
    ['text', /reward.*'1\.0'/],
    ['two', /reward.*\(2,\)/],
    ['huge', /reward.*64 bits$/],
  ] as const)
    t.match(await failure(roll({ task: await findOfTests('Rewards-v0', { form }), runs: [{}] })), {
      code: 'ERR_PYTHON',
      message: facts,
    })
})

test('what reset and step return is said in words where it is not what Gymnasium asks for', async (t) => {
  folder(t)
  for (const [what, facts] of [
    ['none', /step: expected \(observation, reward, terminated, truncated, info\).*NoneType/],
    ['old', /step: expected \(observation, .*got 4.*terminated and truncated$/],
    ['nothing_seen', /step: expected the observation to be an array of numbers, got None$/],
    ['text_seen', /step: .*'0\.5'.* as element 0$/],
    ['huge_seen', /step: .*array of numbers, got .* int .*too large for a float as element 0$/],
    ['huge_paid', /reward to be a number, got .* int .*too large for a float$/],
    ['huge_paid_twice', /reward to be a number, got .* list$/],
    ['ends_huge', /terminated to be True or False, got .* int .*too large for a float$/],
    ['part_seen', /step: .*got None as element 0$/],
    ['ends_text', /expected terminated to be True or False, got 'False'$/],
    ['ends_twice', /expected terminated to be True or False, got array/],
    ['reset_none', /reset: expected the observation .*got None$/],
    ['reset_empty', /reset: expected \(observation, info\), got \(\)$/],
    ['reset_inside', /reset: expected the observation .*got None$/],
  ] as const)
    t.match(await failure(roll({ task: await findOfTests('Returns-v0', { what }), runs: [{}] })), {
      code: 'ERR_PYTHON',
      message: facts,
    })
  for (const what of ['ends_array', 'objects', 'reset_list']) {
    const [{ returns }] = (await roll({ task: await findOfTests('Returns-v0', { what }), runs: [{}] })) as [Episodes]
    t.strictSame([...returns], [4], what)
  }
})

test('modules next to a task do not replace Python’s own', async (t) => {
  const { dir } = folder(t)
  const broken = 'raise ImportError("not the module that was meant")\n'
  for (const name of ['random', 'json', 'copy', 'numpy', 'gymnasium', 'signal'])
    writeFileSync(join(dir, `${name}.py`), broken)
  writeFileSync(
    join(dir, 'mine.py'),
    'import gymnasium\nfrom gymnasium.envs.classic_control import CartPoleEnv\ngymnasium.register("Mine-v0", CartPoleEnv, max_episode_steps=9)\n',
  )
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [cli, 'envs', 'gymnasium:mine:Mine-v0', '--python', python],
    { cwd: dir, encoding: 'utf8' },
  )
  t.match({ status, stdout, stderr }, { status: 0, stdout: /2 choices/, stderr: '' })
})

test('a file next to a task that hides a module of Python is named when the task cannot be made', async (t) => {
  const { dir } = folder(t)
  writeFileSync(join(dir, 'queue.py'), 'Queue = 1\n')
  writeFileSync(join(dir, 'needs_queue.py'), 'import queue\nqueue.SimpleQueue()\n')
  const envs = (id: string) =>
    spawnSync(process.execPath, [cli, 'envs', `gymnasium:${id}`, '--python', python], { cwd: dir, encoding: 'utf8' })
  t.match(envs('needs_queue:Any-v0'), { status: 1, stderr: /queue\.py may hide .*rename/ })
  writeFileSync(join(dir, 'random.py'), '')
  t.match(envs('random:Any-v0'), { status: 2, stderr: /Python has a module random of its own.*rename random\.py/ })
})

test('an interpreter that is none is distinguished from a slow one, and is ended', async (t) => {
  t.testdir({
    sleeps: '#!/bin/sh\nsleep 1000\n',
    sends: '#!/bin/sh\nprintf "gppo\\377\\377\\377\\177" >&3\nsleep 1000\n',
  })
  const own = (name: string): string => join(t.testdirName, name)
  for (const name of ['sleeps', 'sends']) chmodSync(own(name), 0o755)
  for (const [python, facts] of [
    ['/usr/bin/yes', /\/usr\/bin\/yes wrote something else/],
    [own('sleeps'), /\b1 seconds/],
    [own('sends'), /sent something else/],
  ] as const) {
    const worker = new PythonWorker(python, {}, { helloSeconds: python === own('sleeps') ? 1 : 60, startSeconds: 120 })
    t.match(await rejection(worker.answer()), { message: facts })
    await until('it has ended', () => groupOf(worker).length === 0)
  }
  const quick = new PythonWorker('/usr/bin/true', {})
  t.match(await rejection(quick.answer()), { message: /Python interpreter.*exit code 0/ })
  const none = new PythonWorker(own('none'), {})
  t.match(await rejection(none.answer()), { message: /ENOENT/, cause: { code: 'ENOENT' } })
})

test('a program that imitates the protocol gets an error of its own', async (t) => {
  const description = {
    ...{ id: 'A-v0', own: false, observationSize: 1, discrete: true, actionSize: 2, actionLow: [], actionHigh: [] },
    ...{ maxEpisodeSteps: 5, versions: {}, python: '/p' },
  }
  const answers = [
    'hello',
    'null',
    '[]',
    '{}',
    '{"refused":"toString","message":"m"}',
    '{"refused":"option"}',
    JSON.stringify({ ...description, actionLow: undefined }),
    JSON.stringify({ ...description, observationSize: 0 }),
    JSON.stringify({ ...description, versions: null }),
  ]
  t.testdir()
  for (const [i, answer] of answers.entries()) {
    const python = join(t.testdirName, `imitates-${i}`)
    const size = String.fromCharCode(answer.length)
    writeFileSync(`${python}.bytes`, `gppo\0\0\0\0gppo${size}\0\0\0${answer}`, 'latin1')
    writeFileSync(python, `#!/bin/sh\ncat '${python}.bytes' >&3\nsleep 1000\n`)
    chmodSync(python, 0o755)
    t.match(
      await failure(findTask(native, 'gymnasium:A-v0', {}, { python })),
      { code: 'ERR_PYTHON', message: /expected .*imitates-\d to describe the task, got ".*--python/ },
      answer,
    )
  }
})

test('a task that imitates the protocol during single steps gets an error of its own', async (t) => {
  folder(t)
  const imitated = {
    code: 'ERR_PYTHON',
    message: /^The Python process wrote to a file descriptor that it had not opened/,
  }
  for (const said of ['hello', 'null', '{}', '{"threw":1}', '{"observation":[0],"reward":1,"terminated":0}']) {
    const environment = await (await findOfTests('Imitates-v0', { said })).environment!()
    t.strictSame(await environment.reset(1), [0.5])
    t.match(await failure(environment.step(0) as Promise<unknown>), imitated, said)
    t.match(await failure(environment.step(0) as Promise<unknown>), imitated, 'it has ended')
  }
  t.match(await checkGymnasium(native, 'gymnasium:gogepo_test_tasks:Imitates-v0', python), {
    findings: [{ kind: 'threw', problem: imitated.message }],
  })
})

test('the check of a task in Python sees in which precision its observations are', async (t) => {
  const check = (id: string) => checkGymnasium(native, `gymnasium:gogepo_test_tasks:${id}`, python)
  t.strictSame((await check('Near-v0')).findings, [])
  t.match((await check('Near32-v0')).findings, [
    { kind: 'variation-lost', problem: /element 0 .*around 1\.00000e\+7, .*single precision/ },
  ])
})

test('why an interpreter cannot be started', async (t) => {
  t.testdir({ plain: '', script: '#!/no/such/interpreter\n', folder: {} })
  chmodSync(join(t.testdirName, 'script'), 0o755)
  for (const [name, why] of [
    ['plain', /no executable file/],
    ['script', /no interpreter for it/],
    ['folder', /is a folder/],
  ] as const)
    t.match(await failure(findTask(native, 'gymnasium:CartPole-v1', {}, { python: join(t.testdirName, name) })), {
      code: 'ERR_PYTHON',
      message: why,
    })
  t.match(await failure(findTask(native, 'gymnasium:CartPole-v1', {}, { python: 'no-such-command' })), {
    code: 'ERR_PYTHON',
    message: /no such command/,
  })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`${signal} while an interpreter starts ends everything that was started`, async (t) => {
    t.testdir({ slow: '#!/bin/sh\necho $$ > group.part\nmv group.part group\nsleep 1000\n' })
    chmodSync(join(t.testdirName, 'slow'), 0o755)
    const args = [cli, 'check', 'gymnasium:CartPole-v1', '--python', './slow']
    const child = spawn('env', ['NODE_OPTIONS=', process.execPath, ...args], { cwd: t.testdirName, stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('close', (code, by) => resolve({ code, by })))
    const note = join(t.testdirName, 'group')
    await until('it has begun', () => existsSync(note))
    child.kill(signal)
    t.strictSame(await ended, { code: null, by: signal })
    const group = Number(readFileSync(note, 'utf8'))
    await until('all have ended', () => membersOf(group).length === 0, 10)
  })

test('an observation that is not finite is a diverged episode', async (t) => {
  folder(t)
  const [episodes] = await roll({ task: await findOfTests('Has-Nan-v0'), runs: [{ episodes: 2 }] })
  t.strictSame(Array.from(episodes!.diverged), [1, 0])
  t.equal(episodes!.lengths[0], 3)
  t.equal(episodes!.moments.counts[0], 3)
})

test('which of reward and observation was not finite, its element and the step', async (t) => {
  folder(t)
  for (const [id, reason] of [
    ['Has-Nan-v0', /^at step 3, element 2 of the observation was NaN/],
    ['Pays-Nan-v0', /^at step 3, the reward was NaN or infinite$/],
    ['Too-Large-v0', /^at step 3, element 3 of the observation was .*beyond single precision$/],
  ] as const) {
    const [episodes] = await roll({ task: await findOfTests(id, { always: true }), runs: [{ episodes: 2 }] })
    t.equal(episodes!.divergedBecause!.size, 2, id)
    t.match(episodes!.divergedBecause!.get(1), reason)
  }
  const { dir } = folder(t)
  const task = { id: 'gogepo_test_tasks:Pays-Nan-v0', options: { always: true } }
  const run = join(dir, 'run')
  const training = startSmall({ task: { ...task, id: `gymnasium:${task.id}` }, python, run, settings: range })
  t.match(await failure(training), {
    code: 'ERR_DIVERGED',
    message: /11 of the last 11 .*at step 3, the reward was NaN or infinite\./,
  })
})

test('a stop while a process makes the task or plays ends soon, and what was learned is saved', async (t) => {
  const { dir, left } = folder(t)
  const controller = new AbortController()
  writeFileSync(join(dir, 'slow_to_import.py'), 'import time\ntime.sleep(1000)\n')
  const before = process.cwd()
  process.chdir(dir)
  const starting = startSmall({
    task: 'gymnasium:slow_to_import:Any-v0',
    python,
    run: join(dir, 'never'),
    signal: controller.signal,
  })
  process.chdir(before)
  setTimeout(() => controller.abort(), 500)
  t.match(await failure(starting), { code: 'ERR_INTERRUPTED' })
  t.notOk(existsSync(join(dir, 'never')), 'nothing was written')

  const playing = new AbortController()
  const run = join(dir, 'run')
  const options = { task: 'gymnasium:gogepo_test_tasks:Hangs-v0', python, seed: 3, settings: range }
  const running = startSmall({ ...options, run, steps: 100_000, signal: playing.signal })
  await until('the task hangs', () => existsSync(join(left, 'processes')))
  playing.abort()
  const stopped = await running
  t.match(stopped, { interrupted: true, steps: 0 })
  const resumed = await resumeRun(run, { steps: 60 }) // it hangs only once
  const whole = await startSmall({ ...options, run: join(dir, 'whole'), steps: 60 })
  t.strictSame(events(run), events(whole.run))
  t.equal(resumed.interrupted, false)
})

test('one run at a time; a disposed one says so', async (t) => {
  folder(t)
  const task = await findOfTests('Good-v0')
  const spec = specOf(task.spec)
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const policies = new native.Policies(device, spec, randoms(native.policySize(spec)))
  const rollout = task.rollout(native, spec, 1)
  const first = rollout.run(policies, once)
  t.match(await failure(rollout.run(policies, once)), { code: 'ERR_BUSY' })
  await first
  const second = rollout.run(policies, once)
  rollout.dispose()
  t.match(await failure(second), { code: 'ERR_DISPOSED' })
  t.match(await failure(rollout.run(policies, once)), { code: 'ERR_DISPOSED' })
  policies.dispose()
  device.dispose()
})

/** Whether a process is there, and not only waiting to be buried. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
/** The processes of a group that are there. */
function membersOf(group: number): number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,pgid='], { encoding: 'utf8' })
  const rows = stdout
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number))
  return rows.flatMap(([pid, of]) => (of === group && lives(pid!) ? [pid!] : []))
}
const groupOf = (worker: PythonWorker): number[] =>
  membersOf((worker as unknown as { child: { pid: number } }).child.pid)

async function until(what: string, done: () => boolean, seconds = 180): Promise<void> {
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
        ...sets(small),
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
      // Two that are close together count as one.
      for (; child.exitCode === null; await new Promise((soon) => setTimeout(soon, 600))) child.kill('SIGINT')
      t.equal(child.exitCode, 130)
    }
    await until('all have ended', () => !processes.some(lives))
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
  await until('the worker has ended', () => !lives(worker!))
})
