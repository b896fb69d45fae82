import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** Generated calls in a process of its own: it ends by itself, and each call gives something or a JavaScript error with a code. */
export async function attack(t: Test, what: 'native' | 'api', seed: number, runs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gogepo-attack-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const note = join(folder, 'under-way.json')
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(`${what}.mjs`, import.meta.url)), String(seed), String(runs), note],
    { env: { ...process.env, NODE_OPTIONS: '', SLOW: '10000' } },
  ) // the machine may be busy
  let [said, wrong] = ['', '']
  child.stdout.on('data', (text: Buffer) => (said += String(text)))
  child.stderr.on('data', (text: Buffer) => (wrong += String(text)))
  const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })))
  t.strictSame(ended, { code: 0, signal: null }, `${wrong.slice(-2000)}\nunder way: ${readFileSync(note, 'utf8')}`)
  const { calls, refused, done, failed, counterexample, unhandled } = JSON.parse(said || '{}') as Record<
    string,
    unknown
  >
  t.comment(`${what}, seed ${seed}: ${String(calls)} calls, ${String(done)} done, refused ${JSON.stringify(refused)}`)
  t.equal(failed, undefined, JSON.stringify(counterexample))
  t.equal(unhandled, undefined)
  t.ok(
    Number(calls) > runs && Number(done) > runs / 2 && Object.keys(refused as object).length > 3,
    'both accepted and refused',
  )
}
