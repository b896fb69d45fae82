import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { GogepoError, didYouMean, errorCodes } from '../../lib/base/errors.js'

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
  t.equal(didYouMean('swimer', known), ' Did you mean "Swimmer-v5"?', 'a typing error without a version')
  t.equal(didYouMean('MountainCar', [...known, 'MountainCar-v0']), ' Did you mean "MountainCar-v0"?', 'the whole name')
  t.equal(didYouMean('MountainCarC', [...known, 'MountainCar-v0']), ' Did you mean "MountainCarContinuous-v0"?')
  t.equal(didYouMean('Hopper', ['Hopper-v4', 'Hopper-v5']), ' Did you mean "Hopper-v5"?', 'the newest version')
})

test('the codes that are thrown are the documented codes', async (t) => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const thrown = new Set<string>()
  for (const folder of ['lib', 'native'])
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }))
      if (/\.(ts|cc|h)$/.test(name) && name !== 'errors.ts')
        for (const [, code] of readFileSync(join(root, folder, name), 'utf8').matchAll(
          /(?<!code === |code !== )['"](ERR_[A-Z_]+)['"]/g,
        ))
          thrown.add(code!)
  t.strictSame([...thrown].sort(), Object.keys(errorCodes))
})
