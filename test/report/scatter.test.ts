// Where the points of a plot are.
import { test } from 'tap'
import { scatterPlot } from '../../lib/report/scatter.js'

const texts = { title: 'A <task> & "more"', subtitle: 's', x: 'x', y: 'y' }
const numbers = (svg: string, kind: string, attribute: string): number[] =>
  [...svg.matchAll(new RegExp(`class="${kind}"[^>]* ${attribute}="([^"]*)"`, 'g'))].map(([, value]) => Number(value))

test('points on the identity line are on it', (t) => {
  const svg = scatterPlot(
    [0, 10, 20].map((x) => ({ x, y: x, spread: 0 })),
    texts,
  )
  const [cx, cy] = [numbers(svg, 'point', 'cx'), numbers(svg, 'point', 'cy')]
  const [x1, x2] = [numbers(svg, 'identity', 'x1')[0]!, numbers(svg, 'identity', 'x2')[0]!]
  const [y1, y2] = [numbers(svg, 'identity', 'y1')[0]!, numbers(svg, 'identity', 'y2')[0]!]
  t.strictSame([cx[0], cx[2], cy[0], cy[2]], [x1, x2, y1, y2])
  t.ok(Math.abs(cx[1]! - (x1 + x2) / 2) < 0.2 && Math.abs(cy[1]! - (y1 + y2) / 2) < 0.2)
  t.ok(cx[0]! < cx[2]! && cy[0]! > cy[2]!, 'up and to the right')
  t.match(svg, 'A &lt;task&gt; &amp; &quot;more&quot;')
  t.end()
})

test('any values, also extreme, equal and negative ones, stay inside', (t) => {
  for (const points of [
    [{ x: 5, y: 5, spread: 0 }],
    [{ x: 0, y: 0, spread: 0 }],
    [
      { x: -1e30, y: 1e30, spread: 1e29 },
      { x: 1e30, y: -1e30, spread: 1e29 },
    ],
    [
      { x: 1e-9, y: 2e-9, spread: 1e-10 },
      { x: 2e-9, y: 1e-9, spread: 1e-10 },
    ],
  ]) {
    const svg = scatterPlot(points, texts)
    t.notMatch(svg, /NaN|Infinity/)
    for (const x of numbers(svg, 'point', 'cx')) t.ok(x >= 0 && x <= 560)
    for (const y of [...numbers(svg, 'bar', 'y1'), ...numbers(svg, 'bar', 'y2')]) t.ok(y >= 0 && y <= 480)
  }
  t.end()
})
