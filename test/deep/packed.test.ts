import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

// Each case of scripts/packed.mjs as a test of its own; those whose tools cannot be had are skipped by name.
test('the package as npm packs it', (t) => {
  const script = fileURLToPath(new URL('../../scripts/packed.mjs', import.meta.url))
  const { stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8', maxBuffer: 1 << 26 })
  const cases = [...stdout.matchAll(/^(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$((?:\n {2}.*)*)/gm)]
  t.ok(cases.length > 10, stdout)
  for (const [, not, name, skipped, details] of cases)
    t.test(name!, skipped === undefined ? {} : { skip: skipped }, async (t) => {
      t.notOk(not, details ?? '')
    })
  t.end()
})
