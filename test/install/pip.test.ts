import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'tap'
import type { GogepoError } from '../../lib/base/errors.js'
import { hasPip, pipDownload } from '../../lib/install/pip.js'
import { fakeWheels } from './fake-wheels.js'

const failure = (work: Promise<unknown>): Promise<Partial<GogepoError>> =>
  work.then(
    () => ({}),
    (error: GogepoError) => error,
  )

test('the real pip, with a folder instead of its index', async (t) => {
  const { shop, pinned } = fakeWheels(t)
  Object.assign(process.env, { PIP_NO_INDEX: '1', PIP_FIND_LINKS: pathToFileURL(shop).href })
  t.teardown(() => ['PIP_NO_INDEX', 'PIP_FIND_LINKS'].forEach((name) => delete process.env[name]))
  const folder = join(t.testdirName, 'a folder')
  mkdirSync(folder)
  t.equal(hasPip(), true)

  t.equal(await pipDownload(pinned.cupti, folder), join(folder, pinned.cupti.file))
  t.strictSame(readdirSync(folder), [pinned.cupti.file])

  t.match(await failure(pipDownload({ ...pinned.crt, sha256: '0'.repeat(64) }, folder)), {
    code: 'ERR_DOWNLOAD',
    message: /nvidia-cuda-crt 13\.0\.88: .*pinned SHA-256.*--mirror/,
  })
  t.match(await failure(pipDownload({ ...pinned.crt, version: '1.0' }, folder)), {
    code: 'ERR_DOWNLOAD',
    message: /nvidia-cuda-crt 1\.0: .*No matching distribution.*pip config list/,
  })
  t.match(await failure(pipDownload(pinned.crt, folder, {}, 'no-such-python')), {
    code: 'ERR_SETUP',
    message: /no-such-python could not be started.*Install Python 3.*--from/,
  })
  t.equal(hasPip('no-such-python'), false)
  t.strictSame(readdirSync(folder), [pinned.cupti.file], 'a failure leaves nothing')
})

/** A python that says who it is, starts a child as pip may do, and never ends. */
function endless(dir: string): string {
  const python = join(dir, 'python')
  writeFileSync(python, `#!/bin/sh\nsleep 300 &\necho "$$ $!" > '${dir}/pids'\nwait\n`)
  chmodSync(python, 0o755)
  return python
}
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((settle) => setTimeout(settle, 50))
}
const pidsIn = (dir: string): number[] => readFileSync(join(dir, 'pids'), 'utf8').trim().split(' ').map(Number)
const runs = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

test('an abort ends pip and what it has started', async (t) => {
  const { pinned } = fakeWheels(t)
  const dir = t.testdirName
  const controller = new AbortController()
  const work = failure(pipDownload(pinned.crt, join(dir, 'wheels'), { signal: controller.signal }, endless(dir)))
  await until(() => existsSync(join(dir, 'pids')) && pidsIn(dir).length === 2)
  controller.abort()
  t.match(await work, { name: 'AbortError' })
  await until(() => !pidsIn(dir).some(runs))
  t.pass('both have ended')
})

test('pip ends with a process that is killed', async (t) => {
  const { pinned } = fakeWheels(t)
  const dir = t.testdirName
  // An index that never answers keeps the real pip waiting.
  const { createServer } = await import('node:net')
  let asked = false
  const silent = createServer(() => (asked = true)).listen(0, '127.0.0.1')
  await new Promise((settle) => silent.once('listening', settle))
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  writeFileSync(
    join(dir, 'parent.mjs'),
    `import { pipDownload } from ${JSON.stringify(new URL('../../dist/install/pip.js', import.meta.url).href)}
    await pipDownload(${JSON.stringify(pinned.crt)}, ${JSON.stringify(join(dir, 'wheels'))})`,
  )
  const parent = spawn(process.execPath, [join(dir, 'parent.mjs')], {
    env: { ...process.env, PIP_INDEX_URL: `http://127.0.0.1:${port}/simple`, PIP_FIND_LINKS: '', PIP_RETRIES: '0' },
  })
  const child = (): number | undefined => {
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(parent.pid)], { encoding: 'utf8' })
    return Number(stdout.trim()) || undefined
  }
  await until(() => child() !== undefined)
  const pip = child()!
  // Only once it runs Python, which asks the kernel for this.
  await until(() => !runs(pip) || readFileSync(`/proc/${pip}/cmdline`, 'utf8').includes('requirements'))
  await until(() => asked)
  parent.kill('SIGKILL')
  await until(() => !runs(pip))
  t.pass('pip has ended')
})
