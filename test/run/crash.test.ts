// A run that is killed again and again: scripts/crash.mjs, in a file of its own since it takes the longest.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const script = fileURLToPath(new URL('../../scripts/crash.mjs', import.meta.url))

t.test('twenty kills cost nothing', async (t) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, '--kills', '20'], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  const total = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>
  t.match(total, { kills: 20, resumed: 20, lost: 0 })
  t.ok(total['identical']! >= 1)
})
