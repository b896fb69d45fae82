// What test/hostile.test.ts does, many times over.
import t from 'tap'
import { attack } from '../hostile/attack.js'

for (let seed = 2; seed < 6; seed++) {
  t.test(`the native classes, seed ${seed}`, { timeout: 900_000 }, (t) => attack(t, 'native', seed, 10_000))
  t.test(`what a program imports, seed ${seed}`, { timeout: 900_000 }, (t) => attack(t, 'api', seed, 1000))
}
