import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

// The package under several versions of Node. `npm run test:packed` also tries other package managers and bundlers.
test('the package as npm packs it', (t) => {
  const script = fileURLToPath(new URL('../../scripts/packed.mjs', import.meta.url))
  const { stdout } = spawnSync(process.execPath, [script, '--only', 'npm, Node'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const cases = [...stdout.matchAll(/^(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$((?:\n {2}.*)*)/gm)]
  t.equal(cases.length, 4, stdout)
  for (const [, not, name, skipped, details] of cases)
    t.test(name!, skipped === undefined ? {} : { skip: skipped }, async (t) => {
      t.notOk(not, details ?? '')
    })
  t.end()
})
