import { test } from 'tap'
import { GogepoError, didYouMean } from '../lib/errors.js'

test('an error has a stable code, a name and its cause', async (t) => {
  const cause = new Error('first')
  const error = new GogepoError('ERR_SETUP', 'second', { cause })
  t.ok(error instanceof Error)
  t.match(error, { name: 'GogepoError', code: 'ERR_SETUP', message: 'second', cause })
})

test('a mistyped name is answered with the likeliest one, and only when it is likely', async (t) => {
  const known = ['Swimmer-v5', 'Hopper-v5', 'MountainCarContinuous-v0']
  t.equal(didYouMean('Swimer-v5', known), ' Did you mean "Swimmer-v5"?')
  t.equal(didYouMean('hopper-v5', known), ' Did you mean "Hopper-v5"?')
  t.equal(didYouMean('Ant-v5', known), '')
})
