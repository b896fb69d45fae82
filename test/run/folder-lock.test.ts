// One process at a time has a folder’s lock, and to ask who has it gets in nobody’s way.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { FolderLock } from '../../lib/run/folder-lock.js'

test('one has it at a time', (t) => {
  const folder = t.testdir()
  const [one, other] = [new FolderLock(folder), new FolderLock(folder)]
  t.notOk(one.isHeld())
  t.notOk(existsSync(join(folder, 'lock')), 'asking leaves nothing behind')
  t.ok(one.take())
  t.ok(one.take(), 'it has it already')
  t.ok(one.isHeld())
  t.ok(other.isHeld())
  t.notOk(other.take())
  other.release()
  t.ok(one.isHeld(), 'only who has it can release it')
  one.release()
  t.notOk(one.isHeld())
  t.ok(other.take())
  other.release()
  t.end()
})

test('another process that keeps asking never keeps it from being taken', async (t) => {
  const folder = t.testdir()
  const module = fileURLToPath(new URL('../../dist/run/folder-lock.js', import.meta.url))
  const ask = `
    const { FolderLock } = await import(${JSON.stringify(module)})
    const lock = new FolderLock(process.argv[1])
    for (let asked = 0; ; asked++) {
      lock.isHeld()
      if (asked === 0) console.log('asking')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }`
  const lock = new FolderLock(folder)
  lock.take() // its file exists from now on
  lock.release()
  const asker = spawn(process.execPath, ['--input-type=module', '-e', ask, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => asker.kill('SIGKILL'))
  await new Promise((resolve) => asker.stdout.once('data', resolve))
  for (let taken = 0; taken < 300; taken++) {
    if (!lock.take()) t.fail(`refused after ${taken} times`)
    lock.release()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  t.equal(asker.exitCode, null, 'it still asks')
  asker.kill('SIGKILL') // before its folder goes
  await new Promise((resolve) => asker.once('exit', resolve))
})
