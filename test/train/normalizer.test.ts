import { test } from 'tap'
import { Normalizer } from '../../lib/train/normalizer.js'

/** Mean and sum of squared deviations, in two passes. */
function slow(rows: number[][], size: number): { count: number; mean: number[]; m2: number[] } {
  const mean = Array.from({ length: size }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
  return { count: rows.length, mean, m2: mean.map((m, i) => rows.reduce((sum, row) => sum + (row[i]! - m) ** 2, 0)) }
}

const near = (x: ArrayLike<number>, y: number[]): boolean =>
  y.every((v, i) => Math.abs(x[i]! - v) <= 1e-9 * Math.max(1, Math.abs(v)))

test('episodes merged one by one are all observations at once', async (t) => {
  const size = 3
  const episodes = [4, 1, 0, 250, 2].map((length, e) =>
    Array.from({ length }, (_, i) => [Math.sin(i + e), 1e6 + Math.cos(3 * i + e), 1e-3 * i]),
  )
  const moments = episodes.map((rows) =>
    rows.length > 0 ? slow(rows, size) : { count: 0, mean: [7, 7, 7], m2: [7, 7, 7] },
  )
  const normalizer = new Normalizer(size)
  normalizer.merge({
    counts: Float64Array.from(moments, (m) => m.count),
    means: Float64Array.from(moments.flatMap((m) => m.mean)),
    m2s: Float64Array.from(moments.flatMap((m) => m.m2)),
  })
  const all = slow(episodes.flat(), size)
  t.equal(normalizer.count, all.count)
  t.ok(near(normalizer.mean, all.mean), 'mean')
  t.ok(near(normalizer.m2, all.m2), 'm2')
})
