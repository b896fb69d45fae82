// Settings: where each value comes from, how it is read, and what is refused.
import { test } from 'tap'
import { settingsFor, tableOf } from '../../lib/algorithms/algorithm.js'
import { ars } from '../../lib/algorithms/ars.js'
import { gogepo } from '../../lib/algorithms/gogepo.js'
import { algorithms, findAlgorithm, findPreset } from '../../lib/algorithms/registry.js'
import { flag, real, text, whole } from '../../lib/base/values.js'
import { showValue } from '../../lib/base/words.js'
import type { EnvSpec } from '../../lib/native/contract.js'
import {
  completeSettings,
  parseSettings,
  setting,
  showDefault,
  type SettingValues,
} from '../../lib/settings/setting.js'

const task = { id: 'Swimmer-v5', returnMin: -100, returnMax: 365, evaluateEvery: 10_000 } as EnvSpec
const table = tableOf(gogepo)
const complete = (given: SettingValues = {}, preset = 'paper', spec = task) =>
  settingsFor(gogepo, spec, { given, preset })
const parse = (text: string) => parseSettings(table, [text])

test('given, else the preset’s, else the task’s, else the default', async (t) => {
  const all = complete({ noise: 0.05, returnMin: -5 })
  t.match(all, {
    noise: 0.05,
    returnMin: -5,
    returnMax: 365,
    evaluateEvery: 10_000,
    drive: 20,
    policyHidden: [256, 256],
  })
  t.strictSame(Object.keys(all), Object.keys(table))
  t.strictSame(complete(all), all, 'settings as used are complete')
  t.throws(() => complete({}, 'paper', { ...task, returnMin: NaN }), {
    code: 'ERR_SETTING',
    message: /returnMin.*--set returnMin=/,
  })
  const mine = {
    a: setting(whole(0), 1, 'a', 'here'),
    b: setting(whole(0), 2, 'b', 'here'),
    c: setting(whole(0), 3, 'c', 'here'),
    d: setting(whole(0), 4, 'd', 'here'),
  }
  const sources = { given: { a: 10 }, preset: { a: 20, b: 20 }, task: { a: 30, b: 30, c: 30 } }
  t.strictSame(completeSettings(mine, sources), { a: 10, b: 20, c: 30, d: 4 })
  t.throws(() => completeSettings(mine, { given: {}, preset: { e: 1 }, task: {} }), { code: 'ERR_SETTING' })
})

test('a list that is given is copied', async (t) => {
  const widths = [16, 16]
  const all = complete({ policyHidden: widths })
  widths[0] = 32
  t.strictSame(all['policyHidden'], [16, 16])
})

test('the defaults of gogepo are the paper’s', async (t) => {
  t.match(complete(), {
    sliceSize: 16,
    embeddingSize: 8,
    generatorHidden: [256, 256],
    outputScale: 2,
    probingStates: 200,
    criticKind: 'fingerprint',
    criticHidden: [256, 256],
    criticLearningRate: 5e-3,
    generatorLearningRate: 2e-6,
    criticUpdates: 4,
    generatorUpdates: 19,
    batchSize: 16,
    bufferSize: 10_000,
    recencyExponent: 1.1,
    noise: 0.1,
    policiesPerIteration: 1,
    normalizeObservations: true,
    removeSurvivalBonus: true,
    evaluationEpisodes: 10,
    backend: 'fast',
  })
})

test('every default of every algorithm can be typed, and is read as what it is', async (t) => {
  for (const algorithm of algorithms) {
    const own = tableOf(algorithm)
    const all = settingsFor(algorithm, task, { preset: findPreset(algorithm) })
    for (const name of Object.keys(own))
      t.strictSame(parseSettings(own, [`${name}=${showValue(all[name])}`]), { [name]: all[name] }, name)
    for (const [name, declared] of Object.entries(own)) {
      t.ok(declared.help && declared.source && declared.type.expected && showDefault(declared), name)
      t.ok(['method', 'schedule', 'compute'].includes(declared.scope), name)
    }
  }
})

test('values are read as people write them', async (t) => {
  t.strictSame(parse(' noise = 5e-2 '), { noise: 0.05 })
  t.strictSame(parse('drive=-.5'), { drive: -0.5 })
  t.strictSame(parse('policyHidden=64, 32,16'), { policyHidden: [64, 32, 16] })
  t.strictSame(parse('normalizeObservations=false'), { normalizeObservations: false })
  t.strictSame(parse('bufferSize=2k'), { bufferSize: 2000 })
  t.strictSame(parseSettings(table, ['noise=1', 'noise=2', 'drive=3']), { noise: 2, drive: 3 }, 'the last one counts')
  const own = tableOf(ars)
  t.strictSame(parseSettings(own, ['topDirections=all', 'policyHidden=linear']), {
    topDirections: 'all',
    policyHidden: 'linear',
  })
  t.strictSame(parseSettings(own, ['topDirections=4', 'policyHidden=64,32']), {
    topDirections: 4,
    policyHidden: [64, 32],
  })
})

test('an invalid setting is refused: what was expected, what was given', async (t) => {
  const refused: [text: string, facts: RegExp][] = [
    ['noise', /name=value.*"noise"/],
    ['=1', /name=value/],
    ['nois=1', /"nois".*"noise"/],
    ['stepSize=1', /"stepSize"/],
    ['toString=1', /"toString"/],
    ['__proto__=1', /"__proto__"/],
    ['noise=', /noise: .* 0 to 1000, got ""/],
    ['noise=much', /got "much"/],
    ['noise=0x10', /got "0x10"/],
    ['noise=-1', /noise: .* 0 to 1000, got "-1"/],
    ['noise=1e999', /noise: .* 0 to 1000/],
    ['batchSize=2.5', /batchSize: .*1 to 65536, got "2.5"/],
    ['batchSize=0', /got "0"/],
    ['policyHidden=16,', /1 to 65536.*got "16,"/],
    ['policyHidden=16,-16', /got "16,-16"/],
    ['criticKind=both', /fingerprint or parameters, got "both"/],
    ['normalizeObservations=yes', /true or false, got "yes"/],
    ['drive=1e39', /single precision/],
    ['evaluationEpisodes=1000001', /1 to 1000000/],
  ]
  for (const [given, message] of refused) t.throws(() => parse(given), { code: 'ERR_SETTING', message }, given)
  t.throws(() => complete({ noise: NaN }), { code: 'ERR_SETTING' })
  t.throws(() => complete({ noise: null }), { code: 'ERR_SETTING', message: /got null/ })
  t.throws(() => complete({ noise: '0.1' }), { code: 'ERR_SETTING', message: /got "0.1"/ })
  t.throws(() => complete({ policyHidden: [16, NaN] }), { code: 'ERR_SETTING', message: /16, NaN/ })
  t.throws(() => complete(JSON.parse('{"constructor":1}') as SettingValues), {
    code: 'ERR_SETTING',
    message: /"constructor"/,
  })
})

test('settings that contradict each other are refused', async (t) => {
  t.throws(() => complete({ policyHidden: [256, 100] }), {
    code: 'ERR_SETTING',
    message: /policyHidden: .*sliceSize \(16\), got 100\. Use 96/,
  })
  t.strictSame(complete({ policyHidden: [100], sliceSize: 10 })['policyHidden'], [100])
  t.throws(() => complete({ returnMin: 365 }), { code: 'ERR_SETTING', message: /returnMax.*got 365 and 365/ })
  t.throws(() => complete({ returnMin: 1e9, returnMax: 1e9 + 1 }), { code: 'ERR_SETTING', message: /single precision/ })
  t.throws(() => complete({ returnMin: -3e38, returnMax: 3e38 }), { code: 'ERR_SETTING', message: /single precision/ })
  t.throws(() => settingsFor(ars, task, { given: { directions: 4, topDirections: 5 }, preset: 'v1' }), {
    code: 'ERR_SETTING',
    message: /topDirections: .*4.*got 5/,
  })
})

test('a preset is chosen by name, and explicit settings override it', async (t) => {
  const paper = complete({}, 'paper')
  t.equal(findPreset(gogepo), 'default', 'the first one')
  for (const [name, { settings }] of Object.entries(gogepo.presets)) {
    t.strictSame(complete({}, name), { ...paper, ...settings }, name)
    t.equal(findPreset(gogepo, name), name)
  }
  const { settings } = gogepo.presets['default']!
  t.match(complete({ criticUpdates: 7, generatorUpdates: undefined }, 'default'), { ...settings, criticUpdates: 7 })
  t.throws(() => findPreset(gogepo, 'papr'), {
    code: 'ERR_SETTING',
    message: /"papr".*"paper".*default, paper/,
  })
  t.throws(() => findPreset(gogepo, 'v2'), { code: 'ERR_SETTING' })
  t.throws(() => findPreset(gogepo, 'constructor'), { code: 'ERR_SETTING' })
})

test('an algorithm is found by its name', async (t) => {
  t.strictSame(
    algorithms.map(({ name }) => findAlgorithm(name)),
    algorithms,
  )
  t.throws(() => findAlgorithm('gogpo'), {
    code: 'ERR_SETTING',
    message: /"gogpo".*"gogepo".*gogepo, ars, es, pgpe, pssvf, udrlpg/,
  })
  t.throws(() => findAlgorithm('__proto__'), { code: 'ERR_SETTING' })
})

test('a user-defined table', async (t) => {
  const mine = {
    rate: setting(real(0, 1), 0.5, 'how fast', 'here'),
    name: setting(text, 'x', 'what it is called', 'here', 'schedule'),
    on: setting(flag, undefined, 'whether', 'the task', 'compute'),
  }
  t.strictSame(
    Object.values(mine).map(({ scope }) => scope),
    ['method', 'schedule', 'compute'],
  )
  t.strictSame(Object.values(mine).map(showDefault), ['0.5', 'x', 'set by the task'])
  t.strictSame(parseSettings(mine, ['name= a = b ', 'on=true']), { name: 'a = b', on: true })
})
