// Thousands of calls that nobody should make: wrong kinds and shapes, absurd sizes, buffers detached, shared, shrunk under way, handles
// disposed or forged, a foreign `this`, getters that dispose of what is being read, two calls at once. test/deep/hostile.test.ts makes more.
import t from 'tap'
import { attack } from './hostile/attack.js'

t.test('the native classes', (t) => attack(t, 'native', 1, 500))
t.test('what a program imports', (t) => attack(t, 'api', 1, 60))
