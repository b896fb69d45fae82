import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

test('the package as npm packs it', (t) => {
  const script = fileURLToPath(new URL('../../scripts/packed.mjs', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', maxBuffer: 1 << 26 })
  const planned = Number(/^1\.\.(\d+)$/m.exec(stdout)?.[1])
  const cases = [...stdout.matchAll(/^(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$((?:\n {2}.*)*)/gm)]
  t.ok(planned > 20 && cases.length === planned, `${stdout}${stderr}`)
  for (const [, not, name, skipped, details] of cases)
    t.test(name!, skipped === undefined ? {} : { skip: skipped }, async (t) => {
      t.notOk(not, details ?? '')
    })
  t.end()
})
