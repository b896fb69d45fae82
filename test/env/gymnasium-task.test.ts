// Tasks in Python, in a real Gymnasium. What their processes can do wrong: python-worker.test.ts.
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { findTask } from '../../lib/env/find-task.js'
import type { Policies, TaskOptions } from '../../lib/native/contract.js'
import { openRun } from '../../lib/run/opened-run.js'
import type { RunConfig } from '../../lib/run/config.js'
import { resumeRun } from '../../lib/run/resume.js'
import { cli, failure, find, findOfTests, folder, native, python, roll } from './real-gymnasium.js'
import { events, oneThread, sets as setsOf, small, startSmall } from '../small.js'

// Hopper that continues when it has fallen, from a first state without noise: 1000 steps of contacts, which make any difference large.
for (const [id, runs] of [
  ['Hopper-v5', [{}, { statistics: true }, { statistics: true, observe: 'none', removeSurvivalBonus: false }]],
  ['Hopper-v4', [{}]],
] as const)
  test(`${id}: the same θ from the same first state, the same bits as native`, async (t) => {
    const options = { reset_noise_scale: 0, terminate_when_unhealthy: false }
    const statistics = {
      count: 7,
      mean: new Float64Array(11).fill(0.1),
      m2: Float64Array.from({ length: 11 }, (_, i) => i),
    }
    const all = runs.map((run) => ({ ...run, statistics: 'statistics' in run ? statistics : null }))
    const task = await find(`gymnasium:${id}`, options)
    t.match(task.spec, {
      observationSize: 11,
      actionSize: 3,
      discrete: false,
      actionLow: [-1, -1, -1],
      returnMin: -100,
      returnMax: 3000,
      survivalBonus: 1,
      trainingSteps: 3e6,
      evaluateEvery: 1e4,
      maxEpisodeSteps: 1000,
    })
    const got = await roll({ task, runs: all })
    t.strictSame(got, await roll({ task: await find(id, options), runs: all }))
    t.strictSame(Array.from(got[0]!.lengths), [1000])
    t.notSame(got[0]!.returns, got[0]!.fullReturns, 'a bonus is left out')
  })

test('CartPole: what was recorded in Python replays natively, and its actions are those of θ', async (t) => {
  const { left } = folder(t)
  const task = await findOfTests('Recorded-v0')
  let thetas: Policies | undefined
  const [episodes] = await roll({ task, runs: [{ episodes: 3 }] }, async (policies) => {
    thetas = policies
    const lines = readFileSync(join(left, 'recorded'), 'utf8')
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as {
            first?: number[]
            action?: number
            observation: number[]
            reward?: number
            terminated?: boolean
          },
      )
    const steps = lines.filter(({ first }) => !first)
    const resets = lines.flatMap(({ first }, i) => (first ? [i] : [])).map((line, episode) => line - episode)
    const states = lines.flatMap(({ first }) => first ?? [])
    const again = native.replay({
      env: 'CartPole-v1',
      options: {},
      actions: Float64Array.from(steps, ({ action }) => action!),
      resets: Float64Array.from(resets),
      states: Float64Array.from(states),
    })
    t.strictSame(
      Array.from(again.observations),
      steps.flatMap(({ observation }) => observation),
    )
    t.strictSame(
      Array.from(again.rewards),
      steps.map(({ reward }) => reward),
    )
    t.strictSame(
      Array.from(again.terminated, Boolean),
      steps.map(({ terminated }) => terminated),
    )
    t.equal(new Set(states).size, states.length, 'each episode has a first state of its own')
    const acted = lines.filter((_, i) => lines[i + 1]?.first === undefined && i + 1 < lines.length)
    const outputs = await policies.actions(Float32Array.from(acted.flatMap(({ observation }) => observation)))
    t.strictSame(
      steps.map(({ action }) => action),
      steps.map((_, i) => (outputs[2 * i]! >= outputs[2 * i + 1]! ? 0 : 1)),
    )
    const sums = resets.map((at, e) => steps.slice(at, resets[e + 1]).reduce((sum, { reward }) => sum + reward!, 0))
    t.strictSame(sums.length, 3)
    t.equal(
      sums.reduce((a, b) => a + b),
      steps.length,
    )
  })
  t.ok(thetas)
  t.strictSame(Array.from(episodes!.returns), Array.from(episodes!.lengths))
  t.strictSame(Array.from(episodes!.moments.counts), Array.from(episodes!.lengths))
})

test('spaces: several dimensions, bounds that are not symmetric, choices from another number than 0', async (t) => {
  folder(t)
  const shaped = await findOfTests('Shaped-v0')
  t.match(shaped.spec, {
    observationSize: 6,
    actionSize: 2,
    actionLow: [0, -3],
    actionHigh: [2, 5],
    maxEpisodeSteps: 4,
    survivalBonus: 0,
  })
  t.ok(Number.isNaN(shaped.spec.returnMin))
  const [episodes] = await roll({ task: shaped, runs: [{}], policies: 3 })
  t.strictSame(Array.from(episodes!.lengths), [4, 4, 4])
  t.strictSame(Array.from(episodes!.terminated), [0, 0, 0], 'ended by the time limit')
  t.strictSame(Array.from(episodes!.moments.means.subarray(0, 6)), Array<number>(6).fill((0.5 + 3 * 0.25) / 4))
  t.ok(episodes!.returns.every((sum) => sum >= -12 && sum <= 28))
  const choices = await findOfTests('Choices-v0')
  t.match(choices.spec, { discrete: true, actionSize: 3 })
  t.strictSame(Array.from((await roll({ task: choices, runs: [{}] }))[0]!.returns), [4])
})

test('any number of workers gives the same numbers; an episode has its own seed', async (t) => {
  folder(t)
  const task = await find('gymnasium:CartPole-v1')
  const runs = [
    { episodes: 3 },
    { episodes: 3, firstIndex: 3 },
    { episodes: 3, purpose: 'evaluation' },
    { episodes: 3, seed: 2 ** 40 },
  ] as const
  const one = await roll({ task, policies: 2, runs: [...runs] })
  t.strictSame(await roll({ task, policies: 2, runs: [...runs], threads: 4 }), one)
  t.equal(new Set(one.flatMap(({ moments }) => Array.from(moments.means))).size, 4 * 6 * 4, 'no two alike')
  t.strictSame(
    await roll({ task, policies: 1, runs: [{ episodes: 2, firstIndex: 1 }] }).then(([e]) => e!.moments.means),
    one[0]!.moments.means.subarray(4, 12),
  )
})

test('trains, resumes bit for bit, evaluates and sweeps as native tasks do', async (t) => {
  const dir = t.testdir()
  const options = { task: 'gymnasium:CartPole-v1', python, seed: 2, settings: { evaluateEvery: 300 } }
  const whole = await startSmall({ ...options, run: join(dir, 'whole'), steps: 700, threads: 2 })
  const controller = new AbortController()
  const part = await startSmall({
    ...{ ...options, run: join(dir, 'part'), steps: 700, signal: controller.signal },
    onEvent: ({ steps }) => steps > 350 && controller.abort(),
  })
  t.ok(part.interrupted)
  await resumeRun(part.run)
  t.strictSame(events(part.run), events(whole.run))
  t.ok(events(part.run).some(({ type }) => type === 'evaluation'))
  const config = JSON.parse(readFileSync(join(part.run, 'config.json'), 'utf8')) as Record<string, unknown>
  t.match(config, {
    task: 'gymnasium:CartPole-v1',
    python,
    versions: { gymnasium: '1.3.0', python: /^3\.\d+\.\d+/, numpy: /^\d/ },
  })

  using run = await openRun(part.run, oneThread)
  const asked = await run.evaluate('best', { episodes: 3 })
  t.match(asked, { task: 'gymnasium:CartPole-v1', returns: { length: 3 } })
  t.match(await run.sweep({ from: 0, to: 500, points: 2, episodes: 2 }), { rows: [{ command: 0 }, { command: 500 }] })

  t.match(await failure(openRun(part.run, { ...oneThread, python: 'no-such-python' })), {
    code: 'ERR_PYTHON',
    message: /no-such-python/,
  })
  const task = 'gymnasium:module_of_another_folder:CartPole-v1'
  writeFileSync(join(part.run, 'config.json'), JSON.stringify({ ...config, task }))
  t.match(await failure(openRun(part.run, oneThread)), {
    code: 'ERR_RUN',
    message: /module_of_another_folder.*--python/,
  })
  writeFileSync(
    join(part.run, 'config.json'),
    JSON.stringify({ ...config, versions: { ...(config['versions'] as object), gymnasium: '0.29.1' } }),
  )
  t.match(await failure(resumeRun(part.run, { steps: 800 })), {
    code: 'ERR_CHECKPOINT',
    message: /gymnasium 0\.29\.1.*1\.3\.0.*--allow-version-change/,
  })
})

test('Hopper trains with its options, on the command line', async (t) => {
  const dir = t.testdir()
  const sets = setsOf(small)
  const gogepo = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, GOGEPO_PYTHON: python },
    })
    t.equal(status, 0, stderr)
    return stdout
  }
  t.match(
    gogepo(
      'train',
      'gymnasium:Hopper-v5',
      '--env',
      'healthy_z_range=0.5,inf',
      '--env',
      'healthy_reward=2',
      '--steps',
      '200',
      '--threads',
      '1',
      '--torch-threads',
      '1',
      ...sets,
    ),
    /^gogepo on gymnasium:Hopper-v5, healthy_z_range=0\.5,inf, healthy_reward=2, seed 1/,
  )
  const run = join('runs', 'gymnasium-Hopper-v5-s1-1')
  t.match(JSON.parse(readFileSync(join(dir, run, 'config.json'), 'utf8')), {
    python,
    taskOptions: { healthy_z_range: [0.5, 'inf'], healthy_reward: 2 },
  })
  const episodes = events(join(dir, run)).filter(({ type }) => type === 'episode') as {
    return: number
    fullReturn: number
    length: number
  }[]
  for (const { return: stored, fullReturn, length } of episodes)
    t.ok(
      [2 * length, 2 * (length - 1)].some((bonus) => Math.abs(fullReturn - stored - bonus) < 1e-9),
      'two a step, none in a step that ends it',
    )
  t.match(gogepo('evaluate', run, '--episodes', '1'), /^gymnasium:Hopper-v5: commanded/)
  t.match(gogepo('envs', 'gymnasium:Hopper-v5'), /gymnasium-Hopper-v5: Gymnasium 1\.3\.0/)
})

test('options are text, nothing, truth values, numbers and ranges, as Python has them', async (t) => {
  const { dir, left } = folder(t)
  const options = [
    'a=None',
    'b=True',
    'c=false',
    'd=human',
    'e=0.5',
    'f=0.5,inf',
    'g=-inf',
    'h=3',
    'i="3"',
    'j={"k":[1]}',
  ]
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      ...[cli, 'train', 'gymnasium:gogepo_test_tasks:Optioned-v0', '--python', python, '--steps', '4', '--run', 'run'],
      ...options.flatMap((option) => ['--env', option]),
      ...setsOf({ ...small, returnMin: 0, returnMax: 4 }),
    ],
    { cwd: dir, encoding: 'utf8' },
  )
  t.equal(status, 0, stderr)
  const made = (): string => readFileSync(join(left, 'options'), 'utf8')
  const expected =
    "{'a': None, 'b': True, 'c': False, 'd': 'human', 'e': 0.5, 'f': (0.5, inf), 'g': -inf, 'h': 3, 'i': '3', 'j': {'k': [1]}}"
  t.equal(made(), expected)
  writeFileSync(join(left, 'options'), '')
  using run = await openRun(join(dir, 'run'), oneThread)
  await run.evaluate('best', { episodes: 1 })
  t.equal(made(), expected, 'and again from config.json')
})

test('the interpreter is recorded, wherever it was found, and used again', async (t) => {
  const { dir } = folder(t)
  const gogepo = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8', env: { ...process.env, ...env } })
  const recorded = (run: string) => JSON.parse(readFileSync(join(dir, run, 'config.json'), 'utf8')) as RunConfig
  const nowhere = { GOGEPO_PYTHON: undefined, VIRTUAL_ENV: undefined, CONDA_PREFIX: undefined }
  const bin = dirname(python)
  const found: Record<string, NodeJS.ProcessEnv> = {
    variable: { GOGEPO_PYTHON: python },
    active: { VIRTUAL_ENV: dirname(bin) },
    path: { PATH: `${bin}:${process.env['PATH']}` },
  }
  for (const [run, env] of Object.entries(found)) {
    const args = ['train', 'gymnasium:CartPole-v1', '--steps', '20', '--run', run, ...setsOf(small)]
    const { status, stderr } = gogepo({ ...nowhere, ...env }, ...args)
    t.equal(status, 0, stderr)
    t.equal(dirname(recorded(run).python!), bin, run)
    t.match(gogepo(nowhere, 'train', '--resume', run, '--steps', '90'), { status: 0 }, 'without the variable as well')
  }
  const moved = { ...recorded('path'), python: join(dir, 'gone', 'python') }
  writeFileSync(join(dir, 'path', 'config.json'), JSON.stringify(moved))
  t.match(gogepo(nowhere, 'evaluate', 'path'), { status: 1, stderr: /trained with .*gone\/python, .*--python/ })
})

test('what is missing or wrong is said with what to do', async (t) => {
  const { dir } = folder(t)
  const bare = join(dir, 'bare-python')
  writeFileSync(bare, '#!/bin/sh\nexec python3 -I -S "$@"\n')
  chmodSync(bare, 0o755)
  const said = (id: string, options: TaskOptions = {}, interpreter = python) =>
    failure(findTask(native, `gymnasium:${id}`, options, { python: interpreter }))
  t.match(await said('CartPole-v1', {}, bare), {
    code: 'ERR_PYTHON',
    message: new RegExp(`gymnasium:CartPole-v1.*gymnasium.*${bare} -m pip install "gymnasium\\[mujoco\\]"`),
  })
  t.match(await said('CartPole-v1', {}, 'no-such-python'), {
    code: 'ERR_PYTHON',
    message: /no-such-python.*Python 3.*--python or GOGEPO_PYTHON/,
  })
  t.match(await said('CartPol-v1'), { code: 'ERR_UNKNOWN_ENV', message: /Did you mean: `CartPole`\?.*pprint_registry/ })
  t.match(await said('Hopper-v9'), { code: 'ERR_UNKNOWN_ENV', message: /Hopper/ })
  t.match(await said('no_such_module:Thing-v0'), {
    code: 'ERR_UNKNOWN_ENV',
    message: /no_such_module.*PYTHONPATH/,
  })
  t.match(await said('LunarLander-v3'), {
    code: 'ERR_PYTHON',
    message: /[Bb]ox2D.*pip install/,
  })
  t.match(await said('CartPole-v1', { gravity: 3 }), {
    code: 'ERR_TASK_OPTION',
    message: /unexpected keyword argument 'gravity'/,
  })
  t.match(await said('FrozenLake-v1'), {
    code: 'ERR_PYTHON',
    message: /Discrete\(16\).*gymnasium\.wrappers\.FlattenObservation/,
  })
  t.match(await said('gogepo_test_tasks:Worded-v0'), {
    code: 'ERR_PYTHON',
    message: /Dict.*FlattenObservation/,
  })
  t.match(await said('gogepo_test_tasks:Endless-v0'), {
    code: 'ERR_TASK_OPTION',
    message: /time limit.*--env max_episode_steps=<steps>/,
  })
  t.match(await find('gymnasium:gogepo_test_tasks:Endless-v0', { max_episode_steps: 7 }), {
    spec: { maxEpisodeSteps: 7 },
  })
  const unranged = startSmall({ task: 'gymnasium:gogepo_test_tasks:Choices-v0', python, run: join(dir, 'unranged') })
  t.match(await failure(unranged), { code: 'ERR_SETTING', message: /returnMin.*--set returnMin=/ })
  t.notOk(readdirSync(dir).includes('unranged'), 'and no folder was made')
  process.env['GOGEPO_EPISODE_SECONDS'] = 'soon'
  t.teardown(() => delete process.env['GOGEPO_EPISODE_SECONDS'])
  t.match(await said('CartPole-v1'), {
    code: 'ERR_ARGUMENT',
    message: /GOGEPO_EPISODE_SECONDS.*seconds.*soon/,
  })
})
