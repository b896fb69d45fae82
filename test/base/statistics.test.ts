import { test } from 'tap'
import { line, meanAndStd } from '../../lib/base/statistics.js'

test('mean and population standard deviation', async (t) => {
  t.strictSame(meanAndStd([2, 4, 4, 4, 5, 5, 7, 9]), { mean: 5, std: 2 })
  t.strictSame(meanAndStd([3]), { mean: 3, std: 0 })
})

test('a line through points that lie on one, and through points that do not', async (t) => {
  t.strictSame(line([0, 1, 2], [1, 3, 5]), { slope: 2, intercept: 1, r2: 1 })
  const { slope, intercept, r2 } = line([0, 1, 2, 3], [0, 1, 0, 1])
  t.match(
    [slope, intercept, r2].map((x) => x.toFixed(12)),
    ['0.200000000000', '0.200000000000', '0.200000000000'],
  )
  t.match(line([0, 1], [4, 4]), { slope: 0, intercept: 4, r2: 1 }, 'no variance is all explained')
})
