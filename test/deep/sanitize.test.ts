// The short form of npm run sanitize: what needs no LibTorch, under the address, undefined and thread sanitizers.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.test('sanitizers find nothing', { timeout: 1_800_000 }, (t) => {
  const script = fileURLToPath(new URL('../../scripts/sanitize.mjs', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [script, '--short'], { encoding: 'utf8' })
  t.equal(status, 0, stdout)
  t.match(stdout, /\nclean\n$/)
  t.end()
})
