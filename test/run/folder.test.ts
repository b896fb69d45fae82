// A run's folder. What a kill, a full disk or a damaged checkpoint does to it: checkpoints.test.ts.
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import { openRun } from '../../lib/run/opened-run.js'
import type { RunConfig } from '../../lib/run/config.js'
import { fingerprintsOf } from '../../lib/run/fingerprints.js'
import { RunFolder } from '../../lib/run/folder.js'
import { resumeRun } from '../../lib/run/resume.js'
import { oneThread, rejection, small, startSmall } from '../small.js'

const trained = async (t: Test, steps = 2500, settings = {}) =>
  (
    await startSmall({
      task: 'InvertedPendulum-v5',
      steps,
      run: join(t.testdir(), 'run'),
      settings: { evaluateEvery: 250, ...settings },
    })
  ).run
const configOf = (run: string) =>
  JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')) as RunConfig & { settings: Record<string, unknown> }

test('config.json says what the run is, every setting as used', async (t) => {
  const config = configOf(await trained(t, 300))
  t.match(config, {
    format: 2,
    algorithm: 'gogepo',
    preset: 'paper',
    task: 'InvertedPendulum-v5',
    seed: 1,
    steps: 300,
    stopAt: null,
    device: 'cpu',
    threads: 1,
    torchThreads: 1,
    settings: { ...small, evaluateEvery: 250, returnMin: 0, returnMax: 1000, drive: 20, noise: 0.1 },
    versions: { gogepo: String, libtorch: /^2\.\d+/, mujoco: /^3\./, node: process.versions.node },
    machine: { cpu: String, cores: Number, platform: String },
    created: /^\d{4}-\d\d-\d\dT/,
  })
})

const standard = gogepo.presets['default']!.settings

test('config.json records the preset, and the settings that came of it', async (t) => {
  const { run } = await startSmall({
    task: 'InvertedPendulum-v5',
    steps: 300,
    preset: 'default',
    settings: { criticUpdates: 2 },
    run: join(t.testdir(), 'run'),
  })
  t.match(configOf(run), { preset: 'default', settings: { ...standard, criticUpdates: 2 } })
  await resumeRun(run, { ...oneThread, steps: 600 })
  t.match(configOf(run), { preset: 'default', settings: { ...standard, criticUpdates: 2 } })
  t.equal(configOf(await trained(t, 100)).preset, 'paper')
  await t.rejects(startSmall({ task: 'InvertedPendulum-v5', preset: 'fast' }), {
    code: 'ERR_SETTING',
    message: /"fast"/,
  })
})

test('a folder with anything in it is never written to', async (t) => {
  const run = await trained(t, 300)
  const before = readFileSync(join(run, 'events.jsonl'), 'utf8')
  await t.rejects(startSmall({ task: 'InvertedPendulum-v5', run }), {
    code: 'ERR_RUN',
    message: /--resume/,
  })
  t.equal(readFileSync(join(run, 'events.jsonl'), 'utf8'), before)
  writeFileSync(join(t.testdirName, 'file'), 'mine')
  await t.rejects(startSmall({ task: 'InvertedPendulum-v5', run: join(t.testdirName, 'file') }), { code: 'ERR_RUN' })
  t.equal(readFileSync(join(t.testdirName, 'file'), 'utf8'), 'mine')
})

test('a name that cannot be a folder’s is refused in words', async (t) => {
  const dir = t.testdir()
  symlinkSync('nowhere', join(dir, 'dangling'))
  symlinkSync('circle', join(dir, 'circle'))
  for (const [run, code, message] of [
    [join(dir, 'n'.repeat(256)), 'ERR_FILE', /255 bytes/],
    [join(dir, 'n'.repeat(256), 'run'), 'ERR_FILE', /255 bytes/],
    [join(dir, 'dangling'), 'ERR_RUN', /link to nothing/],
    [join(dir, 'circle'), 'ERR_RUN', /link to nothing/],
    [join(dir, 'dangling', 'run'), 'ERR_FILE', /no folder/],
    ['', 'ERR_RUN', /empty/],
  ] as const)
    await t.rejects(startSmall({ task: 'InvertedPendulum-v5', run }), { code, message })
})

test('the last three checkpoints are kept, and the best', async (t) => {
  const run = await trained(t)
  const { checkpoints } = RunFolder.open(run)
  const all = checkpoints.list()
  const last = all.at(-1)!
  const best = checkpoints.manifest(last).progress.bestEvaluation!.steps
  t.ok(all.length === 3 || (all.length === 4 && all[0] === best), all.join())
  const opened = async (checkpoint: 'last' | 'best' | number) => {
    using ask = await openRun(run, { ...oneThread, checkpoint })
    return ask.progress
  }
  t.strictSame(await opened('last'), await opened(last))
  t.strictSame(await opened('best'), await opened(best))
  await t.rejects(opened(7), {
    code: 'ERR_CHECKPOINT',
    message: new RegExp(`no checkpoint at 7 steps.*${all.join(', ')}`),
  })

  const needed = all.slice(-3).flatMap((steps) => checkpoints.manifest(steps).segments.map(({ file }) => file))
  t.strictSame(readdirSync(join(run, 'buffer')).sort(), [...new Set(needed)].sort(), 'and of the buffer what they need')
})

test('keepCheckpointEvery keeps the first checkpoint after each multiple', async (t) => {
  const run = await trained(t, 2500, { keepCheckpointEvery: 500, evaluateEvery: 100 })
  const stages = RunFolder.open(run).checkpoints.list().slice(0, -3)
  const periods = stages.map((steps) => Math.floor(steps / 500))
  t.strictSame([...new Set(periods)], [1, 2, 3, 4], stages.join())
  // An evaluation, and with it a checkpoint, comes at most 100 steps and an iteration later; the best one may be anywhere.
  for (const period of [1, 2, 3, 4]) {
    const first = stages.find((steps) => steps >= period * 500)!
    t.ok(first < period * 500 + 200, `${first}`)
  }
  t.ok(stages.length <= 5, 'four stages, and perhaps the best')
  const { chains } = await fingerprintsOf(run, oneThread)
  t.equal(chains.length, 5, 'a figure shows five of them')
  t.equal(chains[0]!.steps, stages[0])
  using early = await openRun(run, { ...oneThread, checkpoint: stages[0]! })
  t.equal((await early.evaluate(100, { episodes: 1 })).returns.length, 1, 'and can be asked')
})

test('a best checkpoint outlives its buffer, and can still be asked', async (t) => {
  const run = await trained(t)
  for (const file of readdirSync(join(run, 'buffer'))) rmSync(join(run, 'buffer', file))
  using opened = await openRun(run, { ...oneThread, checkpoint: 'best' })
  const { returns, predicted } = await opened.evaluate(100, { episodes: 3 })
  t.equal(returns.length, 3)
  t.ok(Number.isFinite(predicted))
})

test('asking a run changes nothing in it, and the same seed gets the same answer', async (t) => {
  const run = await trained(t, 600)
  const files = () => ['config.json', 'events.jsonl', ...readdirSync(join(run, 'checkpoints'))]
  const before = files()
  using opened = await openRun(run, oneThread)
  const first = await opened.evaluate('best', { episodes: 4, seed: 3 })
  t.equal(first.command, opened.best)
  t.strictSame(await opened.evaluate('best', { episodes: 4, seed: 3 }), first)
  t.notSame((await opened.evaluate('best', { episodes: 4, seed: 4 })).lengths, first.lengths)
  for (const [range, message] of [
    [{ from: 20, to: 10 }, /expected the lowest command, from, to be below the highest, to, got 20 and 10\.$/],
    [{ from: 10, to: 10 }, /got 10 and 10\.$/],
    [{ from: 9, to: 9.000001 }, /^sweep: expected 21 different commands .* fewer points, or for a wider range\.$/],
  ] as const)
    t.match(await rejection(opened.sweep(range)), { code: 'ERR_ARGUMENT', message })
  const { rows, slope } = await opened.sweep({ from: 0, to: 100, points: 5, episodes: 2 })
  t.strictSame(
    rows.map(({ command }) => command),
    [0, 25, 50, 75, 100],
  )
  t.ok(Number.isFinite(slope))
  t.strictSame(files(), before)
})

test('a folder that is not a run, and a config.json that is none', async (t) => {
  const dir = t.testdir({ empty: {}, broken: { 'config.json': '{"format":1,' } })
  await t.rejects(resumeRun(join(dir, 'none')), { code: 'ERR_RUN', message: /does not exist/ })
  await t.rejects(resumeRun(join(dir, 'empty')), { code: 'ERR_RUN', message: /is not a run: it has no config\.json/ })
  await t.rejects(resumeRun(join(dir, 'broken')), { code: 'ERR_CHECKPOINT', message: /config\.json is broken: .*JSON/ })

  const run = await trained(t, 300)
  const sound = configOf(run)
  const path = join(run, 'config.json')
  const refused = async (change: object, words: RegExp) => {
    writeFileSync(path, JSON.stringify({ ...sound, ...change }))
    await t.rejects(resumeRun(run, oneThread), { code: 'ERR_CHECKPOINT', message: words })
  }
  await refused({ format: 1 }, /format 2/)
  await refused({ task: 7 }, /\btask\b/)
  await refused({ seed: -1 }, /\bseed\b.* 0/)
  await refused({ steps: 1.5 }, /\bsteps\b.* 1/)
  await refused({ settings: null }, /\bsettings\b/)
  await refused({ settings: { ...sound.settings, noise: 'loud' } }, /noise: .*got "loud"/)
  await refused({ settings: { ...sound.settings, policyHidden: [17] } }, /policyHidden: .*sliceSize/)
  await refused({ settings: { ...sound.settings, unheard: 1 } }, /"unheard"/)
  await refused({ algorithm: 'nothing' }, /algorithm nothing/)
  await refused({ algorithm: 'ars' }, /policyHidden|drive|setting/i)
  await refused({ device: 'gpu' }, /device.*gpu/)
  await refused({ stopAt: 'never' }, /stopAt/)
  await refused({ threads: 0 }, /threads/)
  await refused({ versions: {} }, /versions/)
  await refused({ versionChanges: [{ steps: -1 }] }, /versionChanges/)
  await refused({ taskOptions: [] }, /taskOptions/)
})

test('a checkpoint of another shape is refused', async (t) => {
  const run = await trained(t, 300)
  const config = configOf(run)
  for (const change of [{ policyHidden: [24] }, { criticHidden: [8] }, { generatorHidden: [16, 16] }]) {
    writeFileSync(join(run, 'config.json'), JSON.stringify({ ...config, settings: { ...config.settings, ...change } }))
    await t.rejects(openRun(run, oneThread), {
      code: 'ERR_CHECKPOINT',
      message:
        /config\.json .*\d+ steps.*(policyHidden was \[16\], is \[24\]|criticHidden was \[16\], is \[8\]|generatorHidden was \[16\], is \[16,16\])/,
    })
  }
  writeFileSync(join(run, 'config.json'), JSON.stringify({ ...config, task: 'Hopper-v5' }))
  await t.rejects(openRun(run, oneThread), { code: 'ERR_CHECKPOINT' })
})
