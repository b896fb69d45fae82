import { test } from 'tap'
import { best, bestPlusDrive, fixed } from '../../lib/algorithms/commands.js'
import { History } from '../../lib/train/history.js'

test('what is asked for next', async (t) => {
  const history = new History()
  const asked = () => [bestPlusDrive(20)(history), best(history), fixed(-7)(history)]
  t.strictSame(asked(), [0, 0, -7], 'first 0, as in Algorithm 1')
  history.add(0, -50, -50, 10)
  t.strictSame(asked(), [-30, -50, -7], 'also where every return is below 0')
  history.add(-30, 8, 90, 10)
  t.strictSame(asked(), [28, 8, -7], 'in the units of stored returns')
  history.add(28, 3, 3, 10)
  t.strictSame(asked(), [28, 8, -7], 'the best, not the last')
})
