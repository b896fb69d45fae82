// Values as text, and text as values.
import { test } from 'tap'
import { deviceName, either, flag, real, single, text, whole, widths, word } from '../../lib/base/values.js'
import {
  count,
  describe,
  fixed,
  formatBytes,
  formatDuration,
  parseCount,
  parseNumber,
  plural,
  quoted,
  short,
  shortest,
  showValue,
} from '../../lib/base/words.js'

test('numbers are read as people write them, and as nothing else', async (t) => {
  for (const [given, number] of [
    ['1', 1],
    ['-1.5', -1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['+2e-6', 2e-6],
    [' 3 ', 3],
    ['1E3', 1000],
  ] as const)
    t.equal(parseNumber(given), number, given)
  for (const given of ['', ' ', '0x10', '1_000', '1,000', 'Infinity', 'NaN', '1e', 'e5', '--1', '1 2', '1n', '10k'])
    t.ok(Number.isNaN(parseNumber(given)), given)
})

test('counts may end in k or M', async (t) => {
  for (const [given, number] of [
    ['10k', 10_000],
    ['10K', 10_000],
    ['3M', 3_000_000],
    ['0.5M', 500_000],
    ['1.001k', 1001],
    ['2e3', 2000],
    ['12', 12],
    [' 7k ', 7000],
    ['0.3k', 300],
  ] as const)
    t.equal(parseCount(given), number, given)
  for (const given of ['k', 'M', '10m', '10G', '10kk', '1k5', 'k1', '1.0005k', '0.0000015M'])
    t.ok(Number.isNaN(parseCount(given)), given)
  t.ok(whole(1).fits(whole(1).parse('10k')))
  t.notOk(whole(1).fits(whole(1).parse('0.0001k')))
  t.notOk(whole(1, 100).fits(whole(1, 100).parse('1k')))
})

test('numbers, bytes and times are shown as people read them', async (t) => {
  t.strictSame([0, -0, 12.3456, 999.96, -1234.5, 99999, 123456.4, 0.01, 0.009, -1e-9, 12e8].map(short), [
    ...['0', '0', '12.35', '1000', '-1235', '99999', '123456', '0.01', '9.0e-3', '-1.0e-9', '1.2e+9'],
  ])
  t.strictSame(
    [Math.fround(0.1), 0.1, Math.fround(-1 / 3), 1, 0.30000001192092896, 16777217, Infinity, NaN].map(shortest),
    ['0.1', '0.1', '-0.33333334', '1', '0.3', '16777217', 'Infinity', 'NaN'],
  )
  t.strictSame([count(1234567), plural(1, 'step'), plural(2000, 'step')], ['1,234,567', '1 step', '2,000 steps'])
  t.strictSame([0, 12_345, 1e5, 9.9e6, 340e6, 1.25e9].map(formatBytes), [
    '0 kB',
    '13 kB',
    '0.1 MB',
    '9.9 MB',
    '340 MB',
    '1.3 GB',
  ])
  t.strictSame([0, 42.4, 185, 7800, -1, NaN, Infinity].map(formatDuration), [
    ...['0s', '42s', '3m 5s', '2h 10m', '0s', '0s', '0s'],
  ])
  t.strictSame([[16, 8], 'all', 0.5, true, []].map(showValue), ['16,8', 'all', '0.5', 'true', ''])
})

test('what is foreign is shown in few words, without what a terminal obeys', async (t) => {
  t.equal(quoted('a\u001b[31m\u202eb\n'), 'a\ufffd[31m\ufffdb\ufffd')
  t.equal(quoted('x'.repeat(100)), `${'x'.repeat(80)}…`)
  for (const [value, words] of [
    [undefined, 'nothing'],
    [null, 'null'],
    [NaN, 'NaN'],
    [3n, '3n'],
    ['a"b', '"a\\"b"'],
    [[1, 2], '[1, 2]'],
    [[1, 2, 3, 4, 5], 'an array of 5'],
    [['1'], 'an array of 1'],
    [new Float32Array(3), 'a Float32Array'],
    [Promise.resolve(), 'a promise'],
    [() => 1, 'a function'],
    [Symbol('x'), 'a symbol'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
  ] as const)
    t.equal(describe(value), words)
})

test('each type fits its own values, and says what it expects', async (t) => {
  const fits = (type: { fits(value: unknown): boolean; parse(text: string): unknown }, given: string) =>
    type.fits(type.parse(given))
  for (const [type, good, bad] of [
    [flag, ['true', 'false'], ['yes', '1', 'True']],
    [whole(2, 5), ['2', '5', '3.0', '5e0'], ['1', '6', '2.5', 'x', '']],
    [real(-1, 1), ['-1', '1e-3', '0'], ['1.01', 'inf', 'NaN', '']],
    [single, ['3.4e38', '-1'], ['3.5e38', 'inf']],
    [widths, ['16', '16,8', '65536'], ['', '0', '16,', '1.5', '65537', '-1']],
    [word('all', 'none'), ['all'], ['ALL', '']],
    [either(whole(1), word('all')), ['all', '3'], ['none', '0', '1.5']],
    [deviceName, ['auto', 'cpu', 'cuda', 'cuda:3'], ['gpu', 'cuda:', 'cuda:1234', 'CPU']],
    [text, ['', 'x'], []],
  ] as const) {
    t.ok(type.expected)
    for (const given of good) t.ok(fits(type, given), `${type.expected}: ${given}`)
    for (const given of bad) t.notOk(fits(type, given), `${type.expected}: ${given}`)
    for (const value of [undefined, null, NaN, {}, () => 1, [NaN]]) t.notOk(type.fits(value), type.expected)
  }
  t.strictSame(either(whole(1), word('all')).words, ['all'])
  t.equal(either(whole(1), word('all')).expected, 'a whole number of at least 1 or all')
  t.match(either(single, word('best')).expected, /^a number within .*, the range of single precision, or best$/)
})

test('decimals: a zero has no sign, however it came about', async (t) => {
  t.equal(fixed(-0.001, 2), '0.00')
  t.equal(fixed(-0, 0), '0')
  t.equal(fixed(-0.005001, 2), '-0.01')
  t.equal(fixed(12.345, 1), '12.3')
  t.equal(fixed(-10, 0), '-10')
})
