import t from 'tap'
import { History } from '../../lib/train/history.js'

t.test('best is the highest return so far, steps are all that were made', async (t) => {
  const history = new History()
  t.equal(history.best, -Infinity)
  history.add(0, -3, -3, 10)
  history.add(17, 5, 7, 20)
  history.add(25, 1, 2, 5)
  t.match(history, { best: 5, steps: 35, episodes: 3, attempts: 3, returns: [-3, 5, 1], fullReturns: [-3, 7, 2] })
})

t.test('a diverged episode takes a number and steps, and is in no column', async (t) => {
  const history = new History()
  history.add(0, 1, 1, 10)
  history.addDiverged(4)
  history.add(0, 2, 2, 10)
  t.match(history, { episodes: 2, attempts: 3, steps: 24, diverged: [1] })
})

t.test('more than ten diverged among a hundred end the run', async (t) => {
  const history = new History()
  for (let i = 0; i < 200; i++) {
    if (i % 10 === 0) history.addDiverged(1)
    else history.add(0, 0, 0, 1)
  }
  t.equal(history.diverged.length, 20)
  const sick = new History()
  for (let i = 0; i < 10; i++) sick.addDiverged(1)
  t.throws(() => sick.addDiverged(1), { code: 'ERR_DIVERGED' })
})
