import { test } from 'tap'
import {
  believed,
  best,
  bestPlusDrive,
  findStrategy,
  fixed,
  schedule,
  stored,
  strategyText,
  uniform,
  type StrategyContext,
} from '../../lib/algorithms/commands.js'
import { History } from '../../lib/train/history.js'

function context(given: Partial<StrategyContext> = {}): StrategyContext {
  const predict = async (commands: readonly number[]): Promise<Float32Array> => Float32Array.from(commands)
  const storedReturn = (i: number): number => [10, 60][i]!
  const known = { returnMin: -100, returnMax: 100, drive: 20, first: 0, stored: 2, storedReturn, predict }
  return { ...known, random: () => 0.25, ...given }
}

/** A history of these returns, each an episode of ten steps. */
function historyOf(...returns: number[]): History {
  const history = new History()
  for (const achieved of returns) history.add(0, achieved, achieved + 80, 10)
  return history
}

test('the best return so far, with and without drive', (t) => {
  const asked = (...returns: number[]) =>
    [bestPlusDrive(), bestPlusDrive(7), best, fixed(-7)].map((strategy) => strategy(historyOf(...returns), context()))
  t.strictSame(asked(), [0, 0, 0, -7], 'first 0, as in Algorithm 1')
  t.strictSame(asked(-50), [-30, -43, -50, -7], 'also where every return is below 0')
  t.strictSame(asked(-50, 8), [28, 15, 8, -7], 'in the units of stored returns')
  t.strictSame(asked(-50, 8, 3), [28, 15, 8, -7], 'the best, not the last')
  t.equal(bestPlusDrive()(historyOf(), context({ first: -950 })), -950)
  t.end()
})

test('uniform commands, and commands among the stored returns', (t) => {
  const history = historyOf(5, -40, 60, 10)
  t.equal(uniform()(history, context()), -15, 'over what has been achieved')
  t.equal(uniform(0, 300)(history, context()), 75)
  t.equal(uniform(0, 300)(historyOf(), context()), 75, 'needs no history')
  t.equal(stored(history, context({ random: () => 0 })), 10)
  t.equal(stored(history, context({ random: () => 0.99 })), 60)
  t.equal(stored(historyOf(), context({ first: 3 })), 3, 'nothing is stored before the first episode')
  t.equal(uniform()(historyOf(), context({ first: 3 })), 3)
  t.end()
})

test('the command that the critic believes to be the best', async (t) => {
  const asked: number[][] = []
  const predict = async (commands: readonly number[]) => {
    asked.push([...commands])
    return Float32Array.from(commands, (c) => -Math.abs(c - 21))
  }
  const command = await believed(historyOf(10, 0), context({ predict }))
  t.equal(asked[0]!.length, 50)
  t.equal(asked[0]![0], -100)
  t.ok(Math.abs(asked[0]!.at(-1)! - 32) < 1e-9, 'up to 1.2 times as far from returnMin as the best')
  t.ok(Math.abs(command - 21) <= 132 / 49 / 2)
  t.end()
})

test('a schedule', (t) => {
  const strategy = schedule(
    { strategy: uniform(0, 8), until: 20 },
    { strategy: best, until: 40 },
    { strategy: fixed(1) },
  )
  const after = (episodes: number) => strategy(historyOf(...new Array<number>(episodes).fill(9)), context())
  t.strictSame([0, 1, 2, 3, 4, 100].map(after), [2, 2, 9, 9, 1, 1])
  t.equal(strategy.text, 'uniform:0:8@20;best@40;fixed:1')
  for (const stages of [
    [],
    [{ strategy: best, until: 5 }],
    [{ strategy: best, until: 5 }, { strategy: best, until: 5 }, { strategy: best }],
    [{ strategy: best }, { strategy: best }],
    [{ strategy: best, until: NaN }, { strategy: best }],
  ])
    t.throws(() => schedule(...stages), { code: 'ERR_ARGUMENT' })
  t.end()
})

test('a strategy’s text selects it', (t) => {
  for (const strategy of [
    best,
    bestPlusDrive(),
    bestPlusDrive(20),
    bestPlusDrive(-0.5),
    bestPlusDrive(1e-7),
    uniform(),
    uniform(-1e21, 300),
    stored,
    fixed(250),
    fixed(-1e-9),
    believed,
    schedule({ strategy: uniform(0, 8), until: 20 }, { strategy: best }),
  ])
    t.equal(findStrategy(strategy.text).text, strategy.text)
  t.equal(findStrategy('uniform:0:300@10k; best+20').text, 'uniform:0:300@10000;best+20')
  t.equal(findStrategy('best+0').text, 'best')
  for (const wrong of [
    '',
    'Best',
    'best+',
    'best++2',
    'best+x',
    'best+1e39',
    'uniform:3',
    'uniform:3:3',
    'uniform:9:3',
    'uniform:a:b',
    'fixed',
    'fixed:',
    'fixed:NaN',
    'believed:1',
    'best@10',
    'best;best',
    'best@10;',
    'best@ten;best',
    'best@20;fixed:1@10;best',
  ]) {
    t.notOk(strategyText.fits(wrong), wrong)
    t.throws(() => findStrategy(wrong), { code: 'ERR_SETTING', message: /expected best\+drive, best, / }, wrong)
  }
  t.end()
})

test('the message says what is wrong with a strategy’s text', (t) => {
  for (const [text, message] of [
    ['Best', /got "Best"\. Did you mean "best"\?$/],
    ['uniforms', /got "uniforms"\. Did you mean "uniform"\?$/],
    ['best@10;believe', /Did you mean "believed"\?$/],
    ['uniform:9:3', /got "uniform:9:3"\. uniform: expected low to be below high, got 9 and 3\.$/],
    ['fixed:1e60', /got "fixed:1e60"\. fixed: expected the command to be .*single precision.*, got 1e\+60\.$/],
    ['best@10', /got "best@10"\. A schedule: expected every stage but the last to end/],
    ['best@10;stored@5;best', /A schedule: expected .* each at more environment steps than the one before\.$/],
    ['best@1.5;stored', /schedule: expected `until` to be a whole number of at least 1, got 1\.5\.$/],
    ['xyz', /got "xyz"\.$/],
  ] as const)
    t.throws(() => findStrategy(text), { code: 'ERR_SETTING', message }, text)
  t.end()
})

test('a schedule is made of strategies that have a text', (t) => {
  for (const [stages, message] of [
    [[best], /schedule: expected a stage to be an object/],
    [[{ strategy: 'best' }], /the strategy of a stage to be one that comes with gogepo.*got "best"/],
    [
      [{ strategy: best, until: 10 }, { strategy: () => 4 }],
      /one that comes with gogepo.*history\.steps.*got a function/,
    ],
    [[{ strategy: best, until: '5' }, { strategy: stored }], /expected `until` to be a whole number/],
    [[{ strategy: best, until: 1.5 }, { strategy: stored }], /expected `until` to be a whole number/],
  ] as const)
    t.throws(() => schedule(...(stages as never as [])), { code: 'ERR_ARGUMENT', message })
  t.end()
})

test('arguments that no command can be made of', (t) => {
  for (const make of [() => fixed(NaN), () => bestPlusDrive(1e39), () => uniform(2, 1), () => uniform(0)])
    t.throws(make, { code: 'ERR_ARGUMENT' })
  t.end()
})
