// The logs for other tools: event files as TensorBoard itself reads them, and a table.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { CsvReporter } from '../../lib/report/csv.js'
import { TensorBoardReporter } from '../../lib/report/tensorboard.js'
import { askPython, pythonWith } from '../python.js'
import { events, report } from './reported.js'

const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
log = EventAccumulator(json.load(sys.stdin)); log.Reload()
scalars = {tag: [[e.step, e.value] for e in log.Scalars(tag)] for tag in log.Tags()['scalars']}
content = log.summary_metadata['_hparams_/session_start_info'].plugin_data.content
hparams = HParamsPluginData.FromString(content).session_start_info.hparams
print(json.dumps({'scalars': scalars, 'hparams': {k: getattr(v, v.WhichOneof('kind')) for k, v in hparams.items()}}))
`

test('event files are what TensorBoard reads; after a resume, what was lost is dropped', async (t) => {
  const run = t.testdir()
  await report(new TensorBoardReporter(), run, 0, events(1, 5))
  await report(new TensorBoardReporter(), run, 30, events(4, 3)) // resumed from the checkpoint at 30 steps
  t.equal(readdirSync(join(run, 'tensorboard')).length, 2)
  const { scalars, hparams } = askPython<{
    scalars: Record<string, [number, number][]>
    hparams: Record<string, unknown>
  }>(pythonWith(['tensorboard==2.21.0']), reader, join(run, 'tensorboard'))
  t.strictSame(
    scalars['rollout/return'],
    [1, 2, 3, 4, 5, 6].map((i) => [10 * i, i]),
  )
  t.match(scalars['rollout/ep_len_mean']?.at(-1), [60, 10])
  t.strictSame(scalars['eval/mean_reward'], [[60, 2]])
  t.ok(Math.abs(scalars['train/critic_loss']![1]![1] - 0.5) < 1e-6)
  t.notOk('train/generator_loss' in scalars, 'null is no number')
  t.ok(scalars['time/fps']!.length > 0)
  t.match(hparams, {
    algorithm: 'gogepo',
    task: 'Hopper-v5',
    seed: 7,
    noise: 0.1,
    policyHidden: '16,8',
    backend: 'fast',
  })
  t.equal(hparams['normalizeObservations'], true)
})

test('the table has one row per iteration, with its evaluation, and continues after a resume', async (t) => {
  const run = t.testdir()
  await report(new CsvReporter(), run, 0, events(1, 5))
  await report(new CsvReporter(), run, 30, events(4, 3))
  const [head, ...rows] = readFileSync(join(run, 'progress.csv'), 'utf8').trimEnd().split('\n')
  const columns = head!.split(',')
  const cell = (row: string, name: string): string => row.split(',')[columns.indexOf(name)]!
  t.strictSame(
    rows.map((row) => [cell(row, 'time/total_timesteps'), cell(row, 'rollout/return'), cell(row, 'eval/mean_reward')]),
    [1, 2, 3, 4, 5, 6].map((i) => [String(10 * i), String(i), i === 6 ? '2' : '']),
  )
  t.equal(cell(rows[0]!, 'rollout/ep_rew_mean'), '2')
})

test('half a row, of a process that was killed, is not taken for a whole one', async (t) => {
  const run = t.testdir()
  const path = join(run, 'progress.csv')
  await report(new CsvReporter(), run, 0, events(1, 2))
  const whole = readFileSync(path, 'utf8')
  writeFileSync(path, `${whole}1`) // of 10
  await report(new CsvReporter(), run, 20, [])
  t.equal(readFileSync(path, 'utf8'), whole)
  writeFileSync(path, whole.slice(0, 9)) // of the names of the columns
  await report(new CsvReporter(), run, 0, events(1, 2))
  const lines = readFileSync(path, 'utf8').split('\n')
  t.equal(lines[0], whole.split('\n')[0])
  t.strictSame(
    lines.map((line) => line.split(',')[0]),
    ['time/total_timesteps', '10', '20', ''],
  )
})

test('what cannot be written ends the log, not the run', async (t) => {
  const said: unknown[] = []
  t.intercept(console, 'error', { value: (text: unknown) => said.push(text) })
  const folder = t.testdir()
  for (const name of ['progress.csv', 'tensorboard']) mkdirSync(join(folder, 'csv', name), { recursive: true })
  await report(new CsvReporter(), join(folder, 'csv'), 0, events(1, 2))
  writeFileSync(join(folder, 'file'), '')
  await report(new TensorBoardReporter(), join(folder, 'file'), 0, events(1, 2))
  await report(new TensorBoardReporter(), '/proc/none', 0, events(1, 2))
  t.match(said, [
    /progress\.csv cannot be written.*The run continues/,
    /tensorboard cannot be written.*The run continues/,
    /\/proc\/none\/tensorboard cannot be written.*The run continues/,
  ])
  t.equal(said.length, 3)
})
