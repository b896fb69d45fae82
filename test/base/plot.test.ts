import { test } from 'tap'
import { identityPlot, seriesPlot } from '../../lib/base/plot.js'

test('points lie on the dots where both coordinates are equal', (t) => {
  const plot = identityPlot(
    [
      { x: -10, y: -10 },
      { x: 0, y: 10 },
      { x: 10, y: 0 },
    ],
    { columns: 9, rows: 5 },
  )
  t.strictSame(plot.split('\n'), [
    ' 10 │    ●  ··',
    '    │     ··',
    '    │   ··   ●',
    '    │ ··',
    '-10 │●',
    '    └─────────',
    '     -10    10',
  ])
  t.end()
})

test('a single point has no range', (t) => {
  t.match(identityPlot([{ x: 3, y: 3 }], { columns: 5, rows: 3 }), /●/)
  t.end()
})

test('series have marks of their own, and each axis its own range', (t) => {
  const plot = seriesPlot(
    [
      {
        mark: '●',
        points: [
          { x: 0, y: 0 },
          { x: 1000, y: 1 },
        ],
      },
      { mark: '○', points: [{ x: 1000, y: 2 }] },
    ],
    { columns: 6, rows: 3 },
    (x) => `${x / 1000}k`,
  )
  t.strictSame(plot.split('\n'), ['2 │     ○', '  │     ●', '0 │●', '  └──────', '   0k  1k'])
  t.end()
})
