import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, truncateSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { hasNvidiaDriver } from '../../lib/install/machine.js'
import { fakeWheels, serve } from '../install/fake-wheels.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const none = { GOGEPO_LIBTORCH: '', LIBTORCH: '', VIRTUAL_ENV: '', CONDA_PREFIX: '' }

function setup(t: Test, args: string[], env: NodeJS.ProcessEnv = {}) {
  const cache = join(t.testdirName, 'cache')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'setup', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...none, GOGEPO_CACHE: cache, ...env },
  })
  const last = stdout.trim().split('\n').at(-1)!
  return {
    status,
    stdout,
    stderr,
    json: () => JSON.parse(last) as Record<string, unknown> & { error: { code: string } },
  }
}

test('a dry run says what, from where and to where, and does nothing', async (t) => {
  t.testdir({})
  const { status, json } = setup(t, [
    '--dry-run',
    '--cpu',
    '--mirror',
    'http://me:secret@mirror.invalid/simple',
    '--json',
  ])
  t.equal(status, 0)
  t.match(json(), {
    version: '2.13.0',
    kind: 'cpu',
    source: /^http:\/\/mirror\.invalid\/simple/,
    target: join(t.testdirName, 'cache', 'libtorch', '2.13.0-cpu'),
    wheels: [/^torch-2\.13\.0-/, /^nvidia_cuda_runtime/, /^nvidia_cuda_cupti/],
    installed: false,
  })
  t.match(
    setup(t, ['--dry-run', '--cuda', '--from', t.testdirName]).stdout,
    /CUDA devices and CPUs would be installed in/,
  )
  t.notOk(existsSync(join(t.testdirName, 'cache')))
})

test('it installs, finds, verifies', async (t) => {
  const { archive } = fakeWheels(t)
  const dir = join(t.testdirName, 'opt', 'libtorch')
  const made = setup(t, ['--cpu', '--from', archive, '--dir', dir, '--yes'])
  t.match(made, { status: 0, stdout: `To use it: export GOGEPO_LIBTORCH=${join(dir, 'torch')}` })
  t.match(setup(t, ['--verify', '--dir', dir, '--json']).json(), { version: '2.13.0+cpu', files: Number })

  const found = setup(t, ['--json'], { GOGEPO_LIBTORCH: dir })
  t.match(found.json(), { folder: join(dir, 'torch'), version: '2.13.0+cpu' })

  truncateSync(join(dir, 'torch', 'lib', 'libtorch_cpu.so'), 10)
  t.match(setup(t, ['--verify', '--json'], { GOGEPO_LIBTORCH: dir }).json(), {
    error: { code: 'ERR_LIBTORCH_DAMAGED' },
  })
})

test('what is there already: nothing would be done; leftovers are removed', async (t) => {
  const { archive } = fakeWheels(t)
  t.equal(setup(t, ['--cpu', '--from', archive]).status, 0)
  t.match(setup(t, ['--dry-run']).stdout, /^LibTorch 2\.13\.0\+cpu is in .*; nothing would be done\.$/m)
  t.match(setup(t, ['--dry-run', '--json']).json(), { version: '2.13.0+cpu', installed: true })
  t.match(
    setup(t, ['--dry-run', '--cpu', '--from', archive]).stdout,
    /^LibTorch 2\.13\.0\+cpu is in [^\n]*; nothing would be done\.\n$/,
  )
  const libtorch = join(t.testdirName, 'cache', 'libtorch')
  mkdirSync(join(libtorch, `.part-${hostname()}-0123456789ab`, 'wheels'), { recursive: true })
  t.match(setup(t, []).stdout, /^LibTorch 2\.13\.0\+cpu is in/)
  t.strictSame(readdirSync(libtorch), ['2.13.0-cpu'])
})

test('a LibTorch that is damaged: in the cache it is replaced, elsewhere the error says so', async (t) => {
  const { archive } = fakeWheels(t)
  t.equal(setup(t, ['--cpu', '--from', archive]).status, 0)
  const folder = join(t.testdirName, 'cache', 'libtorch', '2.13.0-cpu', 'torch')
  truncateSync(join(folder, 'lib', 'libtorch_cpu.so'), 10)
  t.match(setup(t, ['--json'], { GOGEPO_LIBTORCH: folder, GOGEPO_CACHE: '/none' }).json(), {
    error: { code: 'ERR_LIBTORCH_DAMAGED', message: /has 10 bytes instead of.*Reinstall it, or set GOGEPO_LIBTORCH/ },
  })
  if (!hasNvidiaDriver())
    t.match(setup(t, ['--dry-run', '--json']).json(), { kind: 'cpu', target: String, installed: false })
})

test('a cache that cannot be written', async (t) => {
  const { archive } = fakeWheels(t)
  const { status, json } = setup(t, ['--cpu', '--from', archive, '--json'], { GOGEPO_CACHE: '/sys/gogepo' })
  t.equal(status, 1)
  t.match(json(), { error: { code: 'ERR_FILE', message: /^\/sys\/gogepo.* cannot be written: E.*--dir\.$/ } })
})

test('the proxy of the environment is used, and not for what NO_PROXY names', async (t) => {
  const { shop, archive } = fakeWheels(t)
  const server = await serve(t, shop)
  const asked: string[] = []
  const proxy = createServer((request, response) => {
    asked.push(request.url!)
    const { pathname } = new URL(request.url!)
    get(`${server.url}${pathname}`, { headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
  })
  await new Promise<void>((settle) => proxy.listen(0, '127.0.0.1', settle))
  t.teardown(() => proxy.close())
  const HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const ends = (host: string, env: NodeJS.ProcessEnv): Promise<unknown> => {
    const from = `${host}/${encodeURIComponent(archive.split('/').at(-1)!)}`
    const child = spawn(process.execPath, [main, 'setup', '--cpu', '--from', from], {
      env: { ...process.env, ...none, GOGEPO_CACHE: join(t.testdirName, from.replaceAll(/\W/g, '')), ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return new Promise((settle) => child.on('close', settle))
  }
  t.equal(await ends('http://mirror.invalid', { HTTP_PROXY, NO_PROXY: '' }), 0)
  t.ok(asked.length > 0 && asked.every((url) => url.startsWith('http://mirror.invalid/')))
  asked.length = 0
  t.equal(await ends(server.url, { HTTP_PROXY, NO_PROXY: '127.0.0.1' }), 0)
  t.strictSame(asked, [])
  t.equal(
    await ends('http://other.invalid', { HTTP_PROXY: 'no address', NO_PROXY: '' }),
    2,
    'an error in words, not a crash',
  )
})

test('invalid arguments', async (t) => {
  t.testdir({})
  for (const [args, code] of [
    [['--cpu', '--cuda'], 'ERR_ARGUMENT'],
    [['--from', '/no/such/file'], 'ERR_ARGUMENT'],
    [['--mirror', 'ftp://x'], 'ERR_ARGUMENT'],
    [['--dir', ''], 'ERR_ARGUMENT'], // as a variable that is not set makes it
    [['--from', '', '--dry-run'], 'ERR_ARGUMENT'],
    [['--verify', '--cuda'], 'ERR_ARGUMENT'],
    [['--torch', '1.0.0'], 'ERR_LIBTORCH_VERSION'],
  ] as const) {
    const { status, json } = setup(t, [...args, '--json'])
    t.equal(status, code === 'ERR_ARGUMENT' ? 2 : 1, args.join(' '))
    t.equal(json().error.code, code, args.join(' '))
  }
  t.match(setup(t, ['--verify', '--dir', '/no/such/folder', '--json']).json(), {
    error: { code: 'ERR_LIBTORCH_NOT_FOUND', message: /^--dir is \/no\/such\/folder.*does not exist/ },
  })
})

test('a signal or a kill in the middle: the next call continues, and nothing else is left', async (t) => {
  const { shop, archive } = fakeWheels(t)
  const name = archive.split('/').at(-1)!
  let slow = true
  const server = await serve(t, shop, {
    ranges: false,
    answer(_, response) {
      if (!slow) return false
      response.writeHead(200, { 'content-length': 1e6 }).write(Buffer.alloc(1000)) // and no more
      return true
    },
  })
  const cache = join(t.testdirName, 'cache')
  const left = (): string[] => (existsSync(join(cache, 'libtorch')) ? readdirSync(join(cache, 'libtorch')) : [])
  const args = [main, 'setup', '--cpu', '--from', `${server.url}/${encodeURIComponent(name)}`]
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...none, GOGEPO_CACHE: cache },
      stdio: 'ignore',
    })
    const ended = new Promise((settle) => child.on('close', (code, killed) => settle(code ?? killed)))
    while (!left().some((entry) => readdirSync(join(cache, 'libtorch', entry, 'wheels')).length > 0))
      await new Promise((settle) => setTimeout(settle, 50))
    child.kill(signal)
    t.equal(await ended, signal === 'SIGTERM' ? 130 : 'SIGKILL')
  }
  slow = false
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...none, GOGEPO_CACHE: cache },
    stdio: 'ignore',
  })
  t.equal(await new Promise((settle) => child.on('close', settle)), 0)
  t.strictSame(left(), ['2.13.0-cpu'])
})
