import { test } from 'tap'
import {
  checkPreset,
  completeSettings,
  parseSetting,
  presets,
  settings,
  show,
  type SettingName,
} from '../lib/config.js'

const task = { returnMin: -100, returnMax: 365, evaluateEvery: 10_000 }
const names = Object.keys(settings) as SettingName[]

test('given, else the task’s, else the default', async (t) => {
  const all = completeSettings({ noise: 0.05, returnMin: -5 }, task)
  t.match(all, {
    noise: 0.05,
    returnMin: -5,
    returnMax: 365,
    evaluateEvery: 10_000,
    drive: 20,
    policyHidden: [256, 256],
  })
  t.strictSame(Object.keys(all), names)
  t.strictSame(completeSettings(all), all, 'settings as used say everything')
  t.throws(() => completeSettings({}), { code: 'ERR_SETTING', message: /returnMin.*got nothing/ })
})

test('the defaults are the paper’s', async (t) => {
  t.match(completeSettings({}, task), {
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
    engine: 'fast',
  })
})

test('every default can be typed, and is what it says', async (t) => {
  const all = completeSettings({}, task)
  for (const name of names)
    t.strictSame(parseSetting(`${name}=${show(all[name]).replaceAll('"', '')}`), { [name]: all[name] })
  for (const { help, source, range } of Object.values(settings)) t.ok(help && source && range)
})

test('values are read as people write them', async (t) => {
  t.strictSame(parseSetting(' noise = 5e-2 '), { noise: 0.05 })
  t.strictSame(parseSetting('drive=-.5'), { drive: -0.5 })
  t.strictSame(parseSetting('policyHidden=64, 32,16'), { policyHidden: [64, 32, 16] })
  t.strictSame(parseSetting('normalizeObservations=false'), { normalizeObservations: false })
})

test('what cannot be is refused: what was expected, what came', async (t) => {
  const refused: [text: string, words: string | RegExp][] = [
    ['noise', '--set: expected name=value, such as noise=0.05, got "noise".'],
    ['=1', /expected name=value/],
    ['nois=1', 'Unknown setting "nois". Did you mean "noise"? List them with: gogepo train --help'],
    ['toString=1', /^Unknown setting "toString"/],
    ['__proto__=1', /^Unknown setting "__proto__"/],
    ['noise=', 'Setting noise: expected a number, 0 to 1000, got "".'],
    ['noise=much', /got "much"/],
    ['noise=0x10', /got "0x10"/],
    ['noise=-1', /expected a number, 0 to 1000, got "-1"/],
    ['noise=1e999', /expected a number, 0 to 1000/],
    ['batchSize=2.5', /expected a whole number, 1 to 65536, got "2.5"/],
    ['batchSize=0', /got "0"/],
    ['policyHidden=16,', /expected a list of whole numbers from 1, such as 256,256, got "16,"/],
    ['policyHidden=16,-16', /got "16,-16"/],
    ['criticKind=both', /expected fingerprint or parameters, got "both"/],
    ['normalizeObservations=yes', /expected true or false, got "yes"/],
  ]
  for (const [text, words] of refused) t.throws(() => parseSetting(text), { code: 'ERR_SETTING', message: words }, text)
  t.throws(() => completeSettings({ noise: NaN }, task), { code: 'ERR_SETTING' })
  t.throws(() => completeSettings({ noise: null as unknown as number }, task), {
    code: 'ERR_SETTING',
    message: /got null/,
  })
  t.throws(() => completeSettings({ noise: '0.1' as unknown as number }, task), {
    code: 'ERR_SETTING',
    message: /got "0.1"/,
  })
  t.throws(() => completeSettings(JSON.parse('{"constructor":1}'), task), {
    code: 'ERR_SETTING',
    message: /Unknown setting "constructor"/,
  })
})

test('settings that do not go together are refused', async (t) => {
  t.throws(() => completeSettings({ policyHidden: [256, 100] }, task), {
    code: 'ERR_SETTING',
    message: 'Setting policyHidden: expected multiples of sliceSize (16), got 100. Use 96, or another sliceSize.',
  })
  t.strictSame(completeSettings({ policyHidden: [100], sliceSize: 10 }, task).policyHidden, [100])
  t.throws(() => completeSettings({ returnMin: 365 }, task), {
    code: 'ERR_SETTING',
    message: /expected returnMax above returnMin, got 365 and 365/,
  })
})

test('a preset is chosen by name, and what is given goes before it', async (t) => {
  const paper = completeSettings({}, task)
  t.strictSame(completeSettings({}, task, presets.paper), paper, 'the paper is the default')
  for (const [name, chosen] of Object.entries(presets)) {
    t.strictSame(completeSettings({}, task, chosen), { ...paper, ...chosen }, name)
    t.equal(checkPreset(name), name)
  }
  t.match(completeSettings({ criticUpdates: 7, generatorUpdates: undefined as never }, task, presets.throughput), {
    ...presets.throughput,
    criticUpdates: 7,
  })
  t.throws(() => checkPreset('troughput'), {
    code: 'ERR_SETTING',
    message: 'Unknown preset "troughput". Did you mean "throughput"? There are: paper, throughput.',
  })
  t.throws(() => checkPreset('constructor'), { code: 'ERR_SETTING' })
})
