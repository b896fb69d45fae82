// Figures from numbers that are known: what is drawn holds them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ablationChart, achievedChart, curvesChart, followingChart, policiesChart } from '../../lib/figure/charts.js'
import { principalComponents } from '../../lib/figure/components.js'
import { pngOf, svgOf, type Figure } from '../../lib/figure/draw.js'
import { dashes, looks, marks, styleOf } from '../../lib/figure/theme.js'
import { random } from '../../lib/study/random.js'
import { askPython, pythonWith } from '../python.js'

const two = [0, 1].flatMap((k) =>
  [1, 2, 3].map((i) => ({
    task: 'Swimmer-v5',
    variant: ['paper', 'ars'][k]!,
    steps: 1000 * i,
    value: 10 * i + k,
    low: 10 * i - 1,
    high: 10 * i + 2,
  })),
)
const sweep = [0, 50, 100].map((command) => ({
  task: 'Hopper-v5',
  run: 'seed 1',
  command,
  achieved: command / 2,
  std: 3,
  predicted: command === 0 ? null : command,
}))
const kinds: Record<string, (theme: 'light' | 'dark') => Figure> = {
  curves: () => curvesChart(two, { y: 'return' }, 'curves'),
  ablation: () =>
    ablationChart(
      [{ task: 'T', variant: 'a', iqm: 1, low: 0, high: 2, scores: [0, 1, 2] }],
      'last evaluation',
      'ablation',
    ),
  achieved: (theme) => achievedChart(sweep, theme, 'achieved'),
  following: () => followingChart([{ task: 'T', run: 'seed 1', steps: 10, command: 5, achieved: 4 }], 'following'),
  policies: (theme) =>
    policiesChart(
      [
        { task: 'T', x: 0, y: 0, return: 1, order: 0 },
        { task: 'T', stage: '10 steps', x: 1, y: 1, return: 2, order: 1 },
        { task: 'T', stage: '10 steps', x: 2, y: 1, return: 3, order: 2 },
      ],
      { T: [0.8, 0.1] },
      theme,
      'policies',
    ),
}

test('every figure is an SVG that describes itself, light and dark', async (t) => {
  for (const [name, make] of Object.entries(kinds))
    for (const theme of ['light', 'dark'] as const) {
      const svg = await svgOf(make(theme), theme)
      t.match(svg, /^<svg [^>]*viewBox/, name)
      t.ok(svg.includes(looks[theme].background), `${name} is ${theme}`)
      t.notMatch(svg, /NaN|undefined|Infinity/, name)
      writeFileSync(join(t.testdir(), `${name}-${theme}.svg`), svg)
    }
})

test('a learning curve goes through its points', async (t) => {
  const svg = await svgOf(curvesChart(two, { y: 'return' }, 'curves'), 'light')
  for (const text of ['Swimmer-v5', 'environment steps', 'paper', 'ars']) t.ok(svg.includes(`>${text}<`), text)
  // 1,000 to 3,000 steps over a panel of 340 units, and returns that rise by 10 each time.
  const lines = [...svg.matchAll(/d="M0,([\d.]+)L170,([\d.]+)L340,([\d.]+)"/g)].map(([, ...y]) => y.map(Number))
  t.equal(lines.length, 2)
  for (const [a, b, c] of lines) t.ok(a! > b! && Math.abs(a! - b! - (b! - c!)) < 0.01, 'a straight line upward')
  const unit = (lines[0]![0]! - lines[0]![1]!) / 10
  t.ok(Math.abs(lines[0]![0]! - lines[1]![0]! - unit) < 0.01, 'the other variant is 1 higher')
  t.ok(svg.includes(looks.light.series[0]!) && svg.includes(looks.light.series[1]!))
})

test('a curve with a single point is seen, with its interval', async (t) => {
  const single = two.filter(({ variant, steps }) => variant === 'paper' || steps === 3000)
  const svg = await svgOf(curvesChart(single, { y: 'return' }, 'curves'), 'light')
  const color = looks.light.series[1]!
  const shapes = [...svg.matchAll(/<(?:path|line) [^>]*aria-label="[^"]*variant: ars[^"]*"[^>]*>/g)].map(
    ([shape]) => shape,
  )
  t.ok(
    shapes.some((shape) => shape.includes(`fill="${color}"`)),
    'a mark',
  )
  t.ok(
    shapes.some((shape) => shape.startsWith('<line') && shape.includes(`stroke="${color}"`)),
    'its interval',
  )
  t.notMatch(await svgOf(kinds['curves']!('light'), 'light'), /<line [^>]*variant: ars/, 'only there')
})

test('what a panel has nothing of is no complaint', async (t) => {
  const complaints = t.capture(console, 'warn')
  const none = two.map((point) => ({ ...point, task: 'Hopper-v5', low: null, high: null }))
  await svgOf(curvesChart([...two, ...none], { y: 'return' }, 'curves'), 'light')
  for (const [name, make] of Object.entries(kinds)) await svgOf(make('light'), 'light').then(() => t.pass(name))
  t.strictSame(complaints(), [])
})

test('lines without a legend of their own differ in their dashes', async (t) => {
  const two = ['seed 1', 'seed 2'].flatMap((run) =>
    [10, 20].map((steps) => ({ task: 'T', run, steps, command: steps, achieved: 4 })),
  )
  const svg = await svgOf(followingChart(two, 'following'), 'light')
  t.match(svg, /stroke-dasharray="7,3"/)
  const legend = svg.slice(svg.indexOf('role-legend'))
  t.notMatch(legend, /stroke-dasharray="7,3"/, 'the marks in the legend have whole outlines')
})

test('the policies of each task have their own scale of returns and their own stages', async (t) => {
  const of = (task: string, scale: number) => [
    { task, x: 0, y: 0, return: scale, order: 0 },
    { task, stage: `${scale} steps`, x: 1, y: 1, return: 2 * scale, order: 1 },
  ]
  const explained = { A: [0.8, 0.1], B: [0.6, 0.2] }
  const svg = await svgOf(policiesChart([...of('A', 1), ...of('B', 1000)], explained, 'light', 'policies'), 'light')
  for (const share of [80, 10, 60, 20]) t.ok(svg.includes(`(${share}% of the variance)`), `${share}%`)
  t.equal(svg.match(/>commands after</g)!.length, 2)
})

test('series with the same color differ in their dashes and marks', (t) => {
  const colors = looks.light.series
  for (const styles of [dashes, marks] as const) {
    const pairs = Array.from({ length: 14 }, (_, i) =>
      JSON.stringify([colors[i % colors.length], styleOf<unknown>(styles, i)]),
    )
    t.equal(new Set(pairs).size, pairs.length)
  }
  t.end()
})

test('SVG becomes PNG at twice its size', async (t) => {
  const svg = await svgOf(kinds['curves']!('light'), 'light')
  const png = await pngOf(svg)
  t.equal(png.subarray(1, 4).toString(), 'PNG')
  t.equal(png.readUInt32BE(16), 2 * Math.round(Number(/ width="(\d+)"/.exec(svg)![1])))
})

test('principal components are those of NumPy', async (t) => {
  const next = random(3)
  const rows = Array.from({ length: 30 }, () => {
    const [a, b] = [next() * 10, next() * 3]
    return Array.from({ length: 40 }, (_, j) => a * Math.sin(j) + b * Math.cos(3 * j) + next())
  })
  const { points, explained } = principalComponents(rows)
  const program = `
import json, sys
import numpy as np
x = np.array(json.load(sys.stdin)); x = x - x.mean(0)
u, s, _ = np.linalg.svd(x, full_matrices=False)
print(json.dumps({'points': np.abs(u[:, :2] * s[:2]).tolist(), 'explained': (s**2 / (s**2).sum())[:2].tolist()}))`
  const reference = askPython<{ points: number[][]; explained: number[] }>(
    pythonWith(['rliable==1.2.0', 'scipy==1.17.1', 'pandas==2.3.3']),
    program,
    rows,
  )
  const miss = Math.max(
    ...points.flatMap((point, i) => point.map((x, k) => Math.abs(Math.abs(x) - reference.points[i]![k]!))),
  )
  t.ok(miss < 1e-4, `the largest difference is ${miss}`)
  for (const k of [0, 1]) t.ok(Math.abs(explained[k]! - reference.explained[k]!) < 1e-9)
  t.strictSame(
    principalComponents([
      [1, 1],
      [1, 1],
    ]).points,
    [
      [0, 0],
      [0, 0],
    ],
    'points that do not differ',
  )
})
