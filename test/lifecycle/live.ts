import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const child = fileURLToPath(new URL('child.mjs', import.meta.url))

export interface Life {
  what: string
  /** A case of child.mjs, and its argument. */
  args: string[]
  flags?: string[]
  env?: NodeJS.ProcessEnv
  /** What it prints, as JSON. */
  says?: unknown
  exit?: number
}

/** Runs it; fails when a signal ends it. */
export async function live(t: Test, { args, flags = [], env = {}, says, exit = 0 }: Life): Promise<string> {
  const process_ = spawn('env', ['NODE_OPTIONS=', process.execPath, ...flags, child, ...args], {
    env: { ...process.env, ...env },
  }) // tap puts its own into what Node starts
  let [said, wrong] = ['', '']
  process_.stdout.on('data', (text: Buffer) => (said += String(text)))
  process_.stderr.on('data', (text: Buffer) => (wrong += String(text)))
  const ended = await new Promise((resolve) => process_.on('close', (code, signal) => resolve({ code, signal })))
  t.strictSame(ended, { code: exit, signal: null }, wrong)
  if (says !== undefined) t.strictSame(JSON.parse(said.trim().split('\n').at(-1) || 'null'), says)
  return said
}
