// How well commands are followed: constructed cases with known answers.
import { test } from 'tap'
import { obedienceOf, verdictOf, type Achieved, type Obedience } from '../../lib/base/obedience.js'

const commands = Array.from({ length: 21 }, (_, i) => i * 5) // 0 … 100
const points = (achieve: (command: number, i: number) => number, std = 0): Achieved[] =>
  commands.map((command, i) => ({ command, mean: achieve(command, i), std }))
const measure = (all: Achieved[]): Obedience & ReturnType<typeof verdictOf> => {
  const obedience = obedienceOf(all, 10, 100)
  return { ...obedience, ...verdictOf(all, obedience, 100) }
}
const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-12

test('commands that are followed exactly', async (t) => {
  const perfect = measure(points((c) => c))
  t.match(perfect, { error: 0, meanError: 0, largest: 0, slope: 1, intercept: 0, r2: 1, noiseFloor: 0 })
  t.ok(close(perfect.rank, 1))
  t.match(perfect, { kind: 'follows', verdict: 'follows commands from 0 to 100 within 0 (0%)' })
})

test('a constant miss is an error, however straight the line', async (t) => {
  const shifted = measure(points((c) => c + 8))
  t.ok(close(shifted.error, 0.08) && close(shifted.meanError, 0.08))
  t.match(shifted, { largest: 8, slope: 1, intercept: 8, r2: 1 })
  t.equal(shifted.verdict, 'follows commands from 0 to 100 within 8 (8%)')
})

test('a command that is ignored has no rank correlation and no r²', async (t) => {
  const ignored = measure(points(() => 70))
  t.match(ignored, { rank: 0, r2: null, slope: 0, largest: 70 })
  t.ok(close(ignored.error, Math.sqrt(commands.reduce((sum, c) => sum + (c - 70) ** 2, 0) / 21) / 100))
  t.match(ignored, { kind: 'ignores', verdict: 'ignores the command: achieves 70 whatever is commanded' })
})

test('commands that are answered in reverse are not followed', async (t) => {
  const reversed = measure(points((c) => 100 - c))
  t.ok(close(reversed.rank, -1) && close(reversed.slope, -1))
  t.match(reversed.verdict, /^ignores the command/)
})

test('a switch is named with its place', async (t) => {
  const step = measure(points((c) => (c < 52 ? 3 : 97)))
  t.equal(step.kind, 'switch')
  t.match(step.verdict, /^is a switch near 52\.5: misses commands by \d+(\.\d+)? \(\d+(\.\d+)?%\)$/)
  t.ok(step.rank > 0.8 && step.error > 0.1)
})

test('two or three commands cannot show a switch', async (t) => {
  const line = points((c) => 25 + c / 2)
  for (const few of [
    [line[0]!, line[20]!],
    [line[0]!, line[13]!, line[20]!],
  ]) {
    const { kind, verdict } = verdictOf(few, obedienceOf(few, 10, 100), 100)
    t.equal(kind, 'follows loosely')
    t.match(verdict, /^follows commands from 0 to 100 loosely/)
  }
})

test('commands that are followed in order but not in size', async (t) => {
  const flat = measure(points((c) => 50 + c / 2))
  t.ok(close(flat.rank, 1) && close(flat.slope, 0.5))
  t.equal(flat.kind, 'follows loosely')
  t.match(flat.verdict, /^follows commands from 0 to 100 loosely: misses them by 29\.\d+/)
})

test('equal achievements share their rank', async (t) => {
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: Spearman's correlation is 4.5 / √(5 · 4.5).
  const tied = obedienceOf(
    [0, 10, 20, 30].map((command, i) => ({ command, mean: [1, 5, 5, 9][i]!, std: 0 })),
    10,
    30,
  )
  t.ok(close(tied.rank, 4.5 / Math.sqrt(22.5)))
})

test('the noise floor is the error that the spread of episodes alone would leave', async (t) => {
  const { noiseFloor } = measure(points((c) => c, 20))
  t.ok(close(noiseFloor, 20 / Math.sqrt(10) / 100))
})

test('the achievable error leaves out the commands that nothing achieves', async (t) => {
  // 0 … 100 are asked for, 20 … 60 are achieved: exactly within, clamped outside.
  const clamped = measure(points((c) => Math.min(60, Math.max(20, c))))
  t.equal(clamped.achievableError, 0)
  t.ok(clamped.error > 0.1)
  // Within 20 … 60 every command is missed by 4, a tenth of that range.
  const shifted = measure(
    points((c) => (c < 20 || c > 60 ? 40 : c === 20 ? 24 : c === 60 ? 56 : c === 25 ? 20 : c === 55 ? 60 : c)),
  )
  t.ok(close(shifted.achievableError!, Math.sqrt((16 + 16 + 25 + 25) / 9) / 40))
  t.equal(measure(points(() => 70)).achievableError, null, 'a single return is no range')
})

test('a task whose returns are all multiplied by a factor has the same shares', async (t) => {
  const small = points((c) => c + Math.sin(c) * 9, 3)
  for (const factor of [2 ** -20, 1000, 2 ** 20]) {
    const scaled = small.map(({ command, mean, std }) => ({
      command: command * factor,
      mean: mean * factor,
      std: std * factor,
    }))
    const [a, b] = [obedienceOf(small, 10, 100), obedienceOf(scaled, 10, 100 * factor)]
    for (const name of ['error', 'meanError', 'noiseFloor', 'rank', 'slope'] as const)
      t.ok(Math.abs(a[name] - b[name]) < 1e-9, `${name} × ${factor}`)
  }
})
