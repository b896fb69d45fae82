// Options of tasks: as text, as JSON, in a run from its config.json to its evaluation, and in docs/environments.md.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { GogepoError } from '../../lib/base/errors.js'
import { openNative } from '../../lib/native/open.js'
import { openRun } from '../../lib/run/opened-run.js'
import { nativeTask } from '../../lib/env/native-task.js'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun } from '../../lib/run/start.js'
import {
  parseTaskOption,
  readTaskOptions,
  requireTaskOptions,
  showTaskOption,
  taskOptionsJson,
} from '../../lib/env/task-options.js'

const refused = (work: () => unknown, words: RegExp) => {
  try {
    work()
  } catch (error) {
    return error instanceof GogepoError && error.code === 'ERR_TASK_OPTION' && words.test(error.message)
  }
  return false
}

test('text', (t) => {
  t.strictSame(parseTaskOption('terminate_when_unhealthy=false'), { terminate_when_unhealthy: false })
  t.strictSame(parseTaskOption(' g = -9.8e0 '), { g: -9.8 })
  t.strictSame(parseTaskOption('healthy_z_range=-inf,1'), { healthy_z_range: [-Infinity, 1] })
  for (const text of ['', 'g', '=1', 'g='])
    t.ok(
      refused(() => parseTaskOption(text), /name=value/),
      text,
    )
  // Whatever is neither a truth value, nothing, a number nor two numbers is text, for tasks in Python.
  for (const [text, value] of [
    ['True', true],
    ['False', false],
    ['None', null],
    ['null', null],
    ['human', 'human'],
    ['x', 'x'],
    ['1,', '1,'],
    ['1,2,3', '1,2,3'],
    ['0x10', '0x10'],
    ['a=b', 'a=b'],
    ['NONE', 'NONE'],
    ['inf', Infinity],
    ['-inf', -Infinity],
    ['--1', '--1'],
    ['"None"', 'None'],
    ['""', ''],
    ['"8', '"8'],
    ['[1,2,3]', [1, 2, 3]],
    ['["x",null]', ['x', null]],
    ['{"a":[true,{"b":1}]}', { a: [true, { b: 1 }] }],
    ['{not json}', '{not json}'],
  ] as const)
    t.strictSame(parseTaskOption(`g=${text}`), { g: value }, text)
  for (const text of [
    'false',
    '0.5',
    '0.7,inf',
    '-inf,10',
    'null',
    'human',
    'inf',
    '"8"',
    '"None"',
    '["x",1]',
    '{"a":1}',
  ])
    t.equal(showTaskOption(parseTaskOption(`x=${text}`)['x']!), text)
  t.end()
})

test('JSON has no infinity', (t) => {
  const options = {
    a: true,
    b: 0.1,
    c: [-Infinity, Infinity],
    d: [0, 1],
    e: null,
    f: 'inf',
    g: Infinity,
    h: 'None',
    i: [1, 2, 3],
    j: ['inf', 'x'],
    k: { number: 'inf', json: [null, { a: [] }] },
    l: [],
  } as const
  t.strictSame(taskOptionsJson(options)['c'], ['-inf', 'inf'])
  t.strictSame(readTaskOptions(JSON.parse(JSON.stringify(taskOptionsJson(options)))), options)
  t.throws(() => readTaskOptions([]), /taskOptions/)
  for (const wrong of [[1], [1, 2, 3], ['x', 1], {}, { number: 'x' }, { json: 1 }])
    t.throws(() => readTaskOptions({ mine: wrong }), /mine/, JSON.stringify(wrong))
  t.end()
})

test('options of a program are values of JSON', (t) => {
  t.strictSame(requireTaskOptions('task', { a: undefined as never, b: { c: [1, null] } }), { b: { c: [1, null] } })
  const round: { self?: unknown } = {}
  round.self = round
  for (const wrong of [
    () => 1,
    new Date(0),
    NaN,
    10n,
    Symbol('x'),
    { a: undefined },
    [Infinity, 'x'],
    round,
    new Map(),
  ])
    t.ok(
      refused(() => requireTaskOptions('task', { mine: wrong as never }), /task: .*mine .*list or an object/),
      String(wrong),
    )
  t.end()
})

test('a task with options, and what it refuses', (t) => {
  const native = openNative()
  t.equal(
    nativeTask(native, 'Hopper-v5', { exclude_current_positions_from_observation: false }).spec.observationSize,
    12,
  )
  t.equal(nativeTask(native, 'Humanoid-v5', { healthy_reward: 2 }).spec.survivalBonus, 2)
  t.ok(
    refused(
      () => nativeTask(native, 'Hopper-v5', { terminate_when_unhealty: false }).spec,
      /Hopper-v5.*"terminate_when_unhealty".*"terminate_when_unhealthy"/,
    ),
  )
  t.ok(refused(() => nativeTask(native, 'Hopper-v5', { frame_skip: 0 }).spec, /frame_skip.* 1 to 1000.* 0/))
  t.ok(refused(() => nativeTask(native, 'Hopper-v5', { healthy_reward: NaN }).spec, /healthy_reward.*nan/i))
  for (const wrong of ['x', null, [1], [1, '2'], {}])
    t.ok(
      refused(() => nativeTask(native, 'Hopper-v5', { healthy_reward: wrong as never }).spec, /healthy_reward/),
      JSON.stringify(wrong),
    )
  t.ok(refused(() => native.env({ env: 'Hopper-v5', options: { nothing: 1 } }), /"nothing"/))
  t.end()
})

test('a run keeps the options of its task', async (t) => {
  const run = join(t.testdir(), 'run')
  const place = { device: 'cpu', threads: 1, torchThreads: 1 }
  const settings = { policyHidden: [16], generatorHidden: [16], criticHidden: [16], probingStates: 4 }
  const options = {
    terminate_when_unhealthy: false,
    exclude_current_positions_from_observation: false,
    healthy_z_range: [0.5, Infinity],
  } as const
  await startRun({ task: { id: 'Hopper-v5', options }, preset: 'paper', steps: 1, run, settings, ...place })
  t.match(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')), {
    task: 'Hopper-v5',
    taskOptions: { ...options, healthy_z_range: [0.5, 'inf'] },
  })
  t.match(await resumeRun(run, { steps: 1500, ...place }), { task: 'Hopper-v5', steps: 2000 }) // which does not end early
  const opened = await openRun(run, place)
  t.strictSame(opened.config.taskOptions, options)
  t.strictSame((await opened.evaluate('best', { episodes: 2 })).lengths, [1000, 1000])
  opened.dispose()
})

test('docs/environments.md says what the tasks say', (t) => {
  const page = readFileSync(join(fileURLToPath(new URL('../..', import.meta.url)), 'docs', 'environments.md'), 'utf8')
  const text = page.slice(page.indexOf('| id | observation |')) // the table of tasks
  const gliding = [
    'forward_reward_weight',
    'ctrl_cost_weight',
    'reset_noise_scale',
    'exclude_current_positions_from_observation',
  ]
  const groups = {
    gliding,
    walking: [...gliding, 'healthy_reward', 'terminate_when_unhealthy', 'healthy_z_range'],
    body: ['cinert', 'cvel', 'qfrc_actuator', 'cfrc_ext'].map((part) => `include_${part}_in_observation`),
  }
  const shown = (n: number): string => String(n).replace('-', '−')
  const short = (n: number): string => (n >= 1e6 ? `${n / 1e6}M` : `${n / 1e3}k`)
  for (const task of openNative().envs()) {
    const cells = text
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
      .find(([ids]) => ids?.split(', ').includes(task.id))
    if (!cells) {
      t.fail(`${task.id} is missing`)
      continue
    }
    const [, observation, action, returns, training, limit, bonus, options] = cells
    const names = [...options!.matchAll(/`(\w+)`|\*(\w+)\*/g)].flatMap(([, name, group]) =>
      name ? [name] : groups[group as keyof typeof groups],
    )
    t.strictSame(names.sort(), task.options.map((o) => o.name).sort(), `${task.id}: options`)
    t.equal(bonus, task.survivalBonus === 0 ? '' : String(task.survivalBonus), `${task.id}: survival bonus`)
    if (observation === 'as -v5') continue
    t.strictSame(
      [observation, action, returns, training, limit],
      [
        String(task.observationSize),
        task.discrete
          ? `${task.actionSize} choices`
          : `${task.actionSize} (±${Number(task.actionHigh[0]!.toPrecision(6))})`,
        `${shown(task.returnMin)} … ${shown(task.returnMax)}`,
        `${short(task.trainingSteps)}, ${short(task.evaluateEvery)}`,
        String(task.maxEpisodeSteps),
      ],
      task.id,
    )
  }
  t.end()
})
