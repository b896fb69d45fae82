import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import type { ServerResponse } from 'node:http'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import type { GogepoError } from '../../lib/base/errors.js'
import type { Kind } from '../../lib/install/layouts.js'
import { lockFolder } from '../../lib/install/lock.js'
import { install, planSetup, tidyCache, type Doing, type SetupOptions } from '../../lib/install/setup.js'
import { damage, verify } from '../../lib/install/verify.js'
import { download } from '../../lib/install/web.js'
import { fakeWheels, serve, type Fakes } from './fake-wheels.js'

const minors = ['2.13']

function setupIn(t: Test, fakes: Fakes) {
  const cache = join(t.testdirName, 'the cache')
  return {
    cache,
    plan: (options: SetupOptions) =>
      planSetup({ kind: 'cpu', ...options }, { GOGEPO_CACHE: cache }, { minors, pins: [fakes.pinned] }),
    async run(options: SetupOptions, how: Doing = {}) {
      return install(this.plan(options), how, minors)
    },
    left: () => (existsSync(join(cache, 'libtorch')) ? readdirSync(join(cache, 'libtorch')) : []),
  }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

async function failure(work: Promise<unknown>): Promise<Partial<GogepoError>> {
  return work.then(
    () => ({}),
    (error: GogepoError) => error,
  )
}

const cpuFiles = [
  'RECORD',
  'nvidia/cu13/lib/libcudart.so.13',
  'nvidia/cu13/lib/libcupti.so.13',
  'torch/lib/libc10.so',
  'torch/lib/libgomp.so.1',
  'torch/lib/libtorch_cpu.so',
  'torch/version.py',
]

test('a mirror that sends parts of files: only those that a CPU needs are downloaded', async (t) => {
  const fakes = fakeWheels(t)
  const server = await serve(t, fakes.shop)
  const setup = setupIn(t, fakes)
  const libtorch = await setup.run({ mirror: server.url })
  t.match(libtorch, { version: '2.13.0+cu130', minor: '2.13', cuda: false })
  t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles)
  t.strictSame(setup.left(), ['2.13.0-cpu'])
  t.notOk(
    server.log.some((line) => line.startsWith('200 /torch')),
    'the wheel was not downloaded as a whole',
  )
  t.equal(verify(libtorch).files, cpuFiles.length - 1)

  server.log.length = 0
  await setup.run({ mirror: server.url })
  t.strictSame(server.log, [], 'what is there is not downloaded again')
})

test('each kind has the files that it needs', async (t) => {
  const fakes = fakeWheels(t)
  const kinds: [Kind, RegExp][] = [
    ['cuda', /libcublas\.so\.13/],
    ['build', /crt\/host_defines\.h/],
  ]
  for (const [kind, special] of kinds) {
    const setup = setupIn(t, fakes)
    const { folder, cuda } = await setup.run({ kind, from: fakes.shop })
    const files = filesIn(join(folder, '..'))
    t.ok(cuda)
    t.ok(
      files.some((name) => special.test(name)),
      kind,
    )
    t.equal(files.includes('torch/include/torch/torch.h'), kind === 'build')
    t.notOk(files.some((name) => /python|modules/.test(name)))
  }
})

test('a mirror that sends whole files only, and one with an index page', async (t) => {
  const fakes = fakeWheels(t)
  const whole = await serve(t, fakes.shop, { ranges: false })
  const setup = setupIn(t, fakes)
  await setup.run({ mirror: `${whole.url}/` })
  t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles)

  const index = await serve(t, fakes.shop, {
    answer(request, response) {
      const name = /^\/simple\/([\w-]+)\/$/.exec(request.url!)?.[1]
      if (name === undefined) return false
      const files = readdirSync(fakes.shop).filter((file) => file.startsWith(`${name.replaceAll('-', '_')}-`))
      response.setHeader('content-type', 'text/html')
      response.end(files.map((file) => `<a href="../../${file}#sha256=${'0'.repeat(64)}">${file}</a>`).join('\n'))
      return true
    },
  })
  rmSync(setup.cache, { recursive: true })
  await setup.run({ mirror: `${index.url}/simple` })
  t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles)
})

test('a mirror that asks for a password, which its address contains', async (t) => {
  const fakes = fakeWheels(t)
  const closed = await serve(t, fakes.shop, {
    answer(request, response) {
      const given = `Basic ${Buffer.from('me:s%c@t').toString('base64')}`
      if (request.headers.authorization !== given) return Boolean(response.writeHead(401).end())
      if (request.url !== '/') return false
      response.setHeader('content-type', 'text/html')
      const links = readdirSync(fakes.shop).map((file) => `<a href="${file}">${file}</a>`)
      response.end(['<a href="100%.html">', '<a href="http://[">', ...links].join('\n'))
      return true
    },
  })
  const setup = setupIn(t, fakes)
  const mirror = closed.url.replace('//', '//me:s%25c%40t@')
  await setup.run({ mirror })
  t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles)
  await setup.run({ from: `${mirror}/${fakes.pinned.torch.file}`, dir: join(t.testdirName, 'from') })

  const wrong = closed.url.replace('//', '//me:secret@')
  const error = await failure(setup.run({ mirror: wrong, dir: join(t.testdirName, 'wrong') }))
  t.match(error, { code: 'ERR_DOWNLOAD', message: /status 401\)\. Check the address and the credentials in it/ })
  t.notMatch(error.message, /secret/)
})

test('a server that sends something other than the part that was asked for', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const wheel = readFileSync(join(fakes.shop, fakes.pinned.torch.file))
  const send = (response: ServerResponse, start: number, end: number, whole = wheel.length) =>
    Boolean(
      response
        .writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${whole}` })
        .end(wheel.subarray(start, end)),
    )
  const parts = (answer: (response: ServerResponse, start: number, end: number) => boolean) =>
    serve(t, fakes.shop, {
      answer(request, response) {
        const [start, last] = (/^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []).slice(1).map(Number)
        return start !== undefined && request.url!.startsWith('/torch-') && answer(response, start, last! + 1)
      },
    })
  const shorter = await parts((response, start, end) => send(response, start, Math.min(end, start + 100_000)))
  await setup.run({ mirror: shorter.url })
  t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles, 'less of it: the rest is asked for')

  const other = await parts((response, start, end) => end > 1 && send(response, 0, end - start))
  t.match(await failure(setup.run({ mirror: other.url, dir: join(t.testdirName, 'other') })), {
    code: 'ERR_DOWNLOAD',
    message: /did not send the part that was asked for/,
  })
})

test('a connection that is cut while the directory of a wheel arrives', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const server = await serve(t, fakes.shop, { cut: { after: 1000, times: 1 } })
  await setup.run({ mirror: server.url })
  t.match(
    server.log.filter((line) => line.startsWith('206 /torch')),
    [/bytes=0-0$/, /bytes=0-\d+$/, /bytes=1000-\d+$/],
    'it continues',
  )
})

const openssl = spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl to make a certificate'
test('a certificate that is not trusted: the variable that helps is named', { skip: openssl }, async (t) => {
  const dir = t.testdir({})
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert]
  t.equal(spawnSync('openssl', ['req', '-x509', ...files, ...names]).status, 0)
  const { createServer } = await import('node:https')
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end())
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  t.match(await failure(download(`https://127.0.0.1:${port}/a.whl`, join(dir, 'a.whl'), undefined, { pause: 1 })), {
    code: 'ERR_DOWNLOAD',
    message: /self-signed certificate\. If you trust it, set NODE_EXTRA_CA_CERTS/,
  })
})

test('a server that closes the connection after each answer, as those of HTTP/1.0 do', async (t) => {
  const bytes = randomBytes(4e6)
  t.testdir({ shop: {} })
  writeFileSync(join(t.testdirName, 'shop', 'a.whl'), bytes)
  const closing = {
    ranges: false,
    answer: (_: unknown, response: ServerResponse) => (response.shouldKeepAlive = false),
  }
  const server = await serve(t, join(t.testdirName, 'shop'), closing)
  for (const n of [1, 2, 3, 4, 5]) {
    const path = join(t.testdirName, `${n}.whl`)
    await download(`${server.url}/a.whl`, path, undefined)
    t.ok(readFileSync(path).equals(bytes))
  }
})

test('a folder that cannot be made, in which Node looks for its parents forever', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const dir = '/proc/none/libtorch'
  t.match(await failure(setup.run({ from: fakes.shop, dir })), { code: 'ERR_FILE', message: /\/proc\/none.*--dir/ })
})

test('other sources: an archive, an address with its hash, the folder of a LibTorch', async (t) => {
  const fakes = fakeWheels(t)
  const server = await serve(t, fakes.shop)
  const setup = setupIn(t, fakes)
  t.match(await setup.run({ from: fakes.archive }), { version: '2.13.0+cpu' })

  const { createHash } = await import('node:crypto')
  const sha256 = createHash('sha256').update(readFileSync(fakes.archive)).digest('hex')
  const address = `${server.url}/libtorch-shared-with-deps-2.13.0%2Bcpu.zip`
  for (const from of [address, `${address}#sha256=${sha256}`]) {
    const dir = join(t.testdirName, `at ${sha256.slice(0, 4)}${from.length}`)
    t.match(await setup.run({ from, dir }), { version: '2.13.0+cpu', folder: join(dir, 'torch') })
  }
  t.match(await failure(setup.run({ from: `${address}#sha256=${'1'.repeat(64)}`, dir: join(t.testdirName, 'x') })), {
    code: 'ERR_DOWNLOAD',
    message: /SHA-256 is [0-9a-f]{64} instead of 1{64}/,
  })
  const { folder } = await setup.run({
    from: join(setup.cache, 'libtorch', '2.13.0-cpu'),
    dir: join(t.testdirName, 'copy'),
  })
  t.equal(folder, join(t.testdirName, 'copy', 'torch'))
})

test('a wheel of torch alone: the others are beside it, or the error says so', async (t) => {
  const fakes = fakeWheels(t)
  const server = await serve(t, fakes.shop)
  const setup = setupIn(t, fakes)
  const { file } = fakes.pinned.torch
  for (const from of [
    join(fakes.shop, file),
    `${server.url}/${file}`,
    `${server.url}/${file}#sha256=${fakes.pinned.torch.sha256}`,
  ]) {
    await setup.run({ from })
    t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles, from)
    rmSync(setup.cache, { recursive: true })
  }
  const alone = join(t.testdirName, 'alone')
  mkdirSync(alone)
  copyFileSync(join(fakes.shop, file), join(alone, file))
  t.match(await failure(setup.run({ from: join(alone, file) }, { python: 'no-such-python' })), {
    code: 'ERR_SETUP',
    message: /torch-2.*\.whl needs nvidia_cuda_runtime.*\.whl as well, which is not beside it\. Put it there/,
  })
})

test('a download that was interrupted continues, in the same process and in the next one', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const patient = await serve(t, fakes.shop, { cut: { after: 200_000, times: 2 } })
  await setup.run({ kind: 'cuda', mirror: patient.url })
  t.ok(patient.log.some((line) => /^206 \/torch.*bytes=200000-$/.test(line)))

  rmSync(setup.cache, { recursive: true })
  const cutting = await serve(t, fakes.shop, { cut: { after: 0, times: 1000 }, answer: () => false })
  t.match(await failure(setup.run({ kind: 'cuda', mirror: cutting.url })), {
    code: 'ERR_DOWNLOAD',
    message: /cut after 0 of \d+ bytes.*Run the same command again/,
  })

  const controller = new AbortController()
  const server = await serve(t, fakes.shop, { cut: { after: 100_000, times: 1 } })
  await failure(
    setup.run(
      { kind: 'cuda', mirror: server.url },
      { signal: controller.signal, progress: (_, bytes) => bytes >= 100_000 && controller.abort() },
    ),
  )
  t.match(setup.left(), [/^\.part-/])
  server.log.length = 0
  await setup.run({ kind: 'cuda', mirror: server.url })
  t.match(
    server.log.find((line) => /torch/.test(line) && !/404/.test(line)),
    /^206 .*bytes=1\d+-$/,
    'the second process continues',
  )
  t.strictSame(setup.left(), ['2.13.0-cuda'])
})

test('a part of a wheel that was interrupted continues in the next process', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const wheel = readFileSync(join(fakes.shop, fakes.pinned.torch.file))
  let held: number | undefined
  const server = await serve(t, fakes.shop, {
    answer(request, response) {
      const [first, last] = (/^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []).slice(1).map(Number)
      // Not the directory, which is at the end.
      if (held !== undefined || first === undefined || last! - first < 200_000 || last === wheel.length - 1)
        return false
      held = first
      response.writeHead(206).write(wheel.subarray(first, first + 100_000)) // and no more
      return true
    },
  })
  const controller = new AbortController()
  const stopped = failure(setup.run({ mirror: server.url }, { signal: controller.signal }))
  const kept = (): string[] =>
    existsSync(setup.cache) ? filesIn(setup.cache).filter((name) => name.endsWith('.part')) : []
  while (!kept().some((name) => statSync(join(setup.cache, name)).size === 100_000))
    await new Promise((settle) => setTimeout(settle, 20))
  controller.abort()
  await stopped
  t.equal(kept().length, 1)
  await setup.run({ mirror: server.url })
  t.ok(
    server.log.some((line) => line.includes(` bytes=${held! + 100_000}-`)),
    'what had arrived is not asked for again',
  )
  t.strictSame(filesIn(join(setup.cache, 'libtorch', '2.13.0-cpu')), cpuFiles)
  t.strictSame(setup.left(), ['2.13.0-cpu'])
})

test('two at once download once', async (t) => {
  const fakes = fakeWheels(t)
  const server = await serve(t, fakes.shop)
  const setup = setupIn(t, fakes)
  let waited = 0
  const both = await Promise.all(
    [1, 2].map(() => setup.run({ kind: 'cuda', mirror: server.url }, { waiting: () => waited++ })),
  )
  t.equal(both[0]!.folder, both[1]!.folder)
  t.equal(waited, 1)
  t.equal(server.log.filter((line) => /^20. \/torch/.test(line)).length, 1)
})

test('each failure is one sentence with its code and what to do', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const server = await serve(t, fakes.shop)
  mkdirSync(join(t.testdirName, 'empty'))
  const empty = await serve(t, join(t.testdirName, 'empty'))
  const angry = await serve(t, fakes.shop, { answer: (_, response) => Boolean(response.writeHead(403).end()) })
  const ill = await serve(t, fakes.shop, { answer: (_, response) => Boolean(response.writeHead(500).end()) })
  const saying = (status: number) =>
    serve(t, fakes.shop, { answer: (_, response) => Boolean(response.writeHead(status).end()) })
  const [guarded, busy, nothing] = [await saying(407), await saying(429), await saying(204)]
  const elsewhere = /--mirror|--from/
  const cases: [string, SetupOptions, string, RegExp][] = [
    ['offline', { mirror: 'http://127.0.0.1:2' }, 'ERR_DOWNLOAD', /could not be reached: .*ECONNREFUSED.*proxy/],
    ['an unknown host', { mirror: 'http://no-such-host.invalid' }, 'ERR_DOWNLOAD', /could not be reached/],
    ['404', { mirror: empty.url }, 'ERR_DOWNLOAD', /no such file \(HTTP status 404\)/],
    ['403', { mirror: angry.url }, 'ERR_DOWNLOAD', /refuses to send it \(HTTP status 403\).*credentials/],
    ['407', { mirror: guarded.url }, 'ERR_DOWNLOAD', /a proxy on the way asks for a password \(HTTP status 407\)/],
    ['429', { mirror: busy.url }, 'ERR_DOWNLOAD', /\(HTTP status 429\)\. Try again later/],
    ['nothing', { mirror: nothing.url }, 'ERR_DOWNLOAD', /not the expected file: its SHA-256 is e3b0c442/],
    ['500', { mirror: ill.url }, 'ERR_DOWNLOAD', /has failed \(HTTP status 500\). Try again later/],
    [
      'not https',
      { mirror: server.url.replace('http', 'https') },
      'ERR_DOWNLOAD',
      /could not be reached: wrong version number/,
    ],
    ['no address', { mirror: 'http://a b/' }, 'ERR_ARGUMENT', /takes the http/],
    ['no address of a file', { from: 'http://[a/b.whl' }, 'ERR_ARGUMENT', /http:\/\/\[a\/b\.whl, which does not exist/],
    ['not a mirror', { mirror: '/some/folder' }, 'ERR_ARGUMENT', /takes the http/],
    ['half a hash', { from: `${server.url}/a.whl#sha256=00` }, 'ERR_ARGUMENT', /#sha256=00.* 64 hexadecimal digits/],
    ['not there', { from: '/no/such/file.whl' }, 'ERR_ARGUMENT', /does not exist/],
    ['both', { from: fakes.shop, mirror: server.url }, 'ERR_ARGUMENT', /got both/],
    ['an unknown version', { version: '2.4.0' }, 'ERR_LIBTORCH_VERSION', /installs LibTorch 2\.13\.0/],
    [
      'another wheel',
      { from: join(fakes.shop, fakes.pinned.cupti.file) },
      'ERR_SETUP',
      /no lib\/libtorch_cpu\.so.*Name another source\.$/,
    ],
  ]
  for (const [name, options, code, message] of cases) {
    const error = await failure(Promise.resolve().then(() => setup.run(options)))
    t.match(error, { code, message }, name)
    if (code === 'ERR_DOWNLOAD') t.match(error.message, elsewhere, name)
    t.notMatch(error.message, /\n/, name)
  }
})

test('a wheel that is not the pinned one is refused, from a mirror in parts and as a whole, and from a folder', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const path = join(fakes.shop, fakes.pinned.torch.file)
  const bytes = readFileSync(path)
  bytes[1000]! ^= 1
  writeFileSync(path, bytes)
  const server = await serve(t, fakes.shop)
  const whole = await serve(t, fakes.shop, { ranges: false })
  for (const options of [{ mirror: server.url }, { mirror: whole.url }, { from: fakes.shop }])
    t.match(await failure(setup.run(options)), {
      code: 'ERR_DOWNLOAD',
      message: /damaged|SHA-256.*[Tt]ry again|is not the pinned wheel/,
    })
  t.notOk(existsSync(join(setup.cache, 'libtorch', '2.13.0-cpu')))

  const other = fakeWheels(t)
  copyFileSync(join(other.shop, other.pinned.torch.file), path)
  t.match(await failure(setup.run({ mirror: server.url })), {
    code: 'ERR_DOWNLOAD',
    message: /not the list of files that this wheel should have/,
  })
})

test('a folder that cannot be written, one that holds something else, a disk that is full', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  writeFileSync(join(t.testdirName, 'a file'), '')
  t.match(await failure(setup.run({ from: fakes.shop, dir: join(t.testdirName, 'a file', 'x') })), {
    code: 'ERR_FILE',
    message: /cannot be written.*GOGEPO_CACHE.*--dir/,
  })
  mkdirSync(join(t.testdirName, 'home'))
  writeFileSync(join(t.testdirName, 'home', 'letter'), '')
  t.match(await failure(setup.run({ from: fakes.shop, dir: join(t.testdirName, 'home') })), {
    code: 'ERR_FILE',
    message: /something other than a LibTorch/,
  })
  t.ok(existsSync(join(t.testdirName, 'home', 'letter')))
  const { requireSpace } = await import('../../lib/install/staging.js')
  t.throws(() => requireSpace(join(t.testdirName, 'not', 'yet'), 1e18, 'LibTorch'), {
    code: 'ERR_DISK_FULL',
    message: /GB.*GB.*GOGEPO_CACHE/,
  })
})

test('another version than the one that was named', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const dir = join(t.testdirName, 'libtorch')
  const { folder } = await setup.run({ from: fakes.shop, dir })
  const become = (version: string) => writeFileSync(join(folder, 'version.py'), `__version__ = '${version}+cu130'\n`)
  const other = join(t.testdirName, 'other')
  for (const [version, code, message] of [
    ['2.13.7', 'ERR_SETUP', /LibTorch 2\.13\.7.*unpack this one and set GOGEPO_LIBTORCH to its folder\.$/],
    ['2.15.0', 'ERR_LIBTORCH_VERSION', /no addon for\): LibTorch 2\.13\.0.*was expected\. Name another source\.$/],
  ] as const) {
    become(version)
    t.match(await failure(setup.run({ from: dir, dir: other })), { code, message })
    t.notOk(existsSync(other))
  }
  become('2.13.7')
  t.match(await setup.run({ from: fakes.shop, dir }), { version: '2.13.7+cu130' }, 'what is in a folder is good enough')
  const exactly = { from: fakes.shop, dir, version: '2.13.0' }
  t.match(await setup.run(exactly), { version: '2.13.0+cu130' }, 'unless a version is named')
})

test('a library that LibTorch needs is cut short or missing', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const libtorch = await setup.run({ from: fakes.shop })
  t.equal(damage(libtorch), undefined)
  const gomp = join(libtorch.folder, 'lib', 'libgomp.so.1')
  const cupti = join(libtorch.folder, '..', 'nvidia', 'cu13', 'lib', 'libcupti.so.13')
  for (const file of [gomp, cupti]) {
    truncateSync(file, 1000)
    t.match(damage(libtorch), /lib(gomp|cupti)\.so\.1.* is damaged: it has 1000 bytes instead of 4096/)
    await setup.run({ from: fakes.shop })
    t.equal(damage(libtorch), undefined)
  }
  rmSync(gomp)
  t.match(damage(libtorch), /libgomp\.so\.1 is damaged: it is missing/)
  mkdirSync(gomp)
  t.match(damage(libtorch), /libgomp\.so\.1 is damaged: it is not a file/)
  t.ok(verify(await setup.run({ from: fakes.shop })))
})

test('a LibTorch that was cut short is found and replaced', async (t) => {
  const fakes = fakeWheels(t)
  const setup = setupIn(t, fakes)
  const libtorch = await setup.run({ from: fakes.shop })
  const file = join(libtorch.folder, 'lib', 'libtorch_cpu.so')
  truncateSync(file, 1000)
  t.throws(() => verify(libtorch), {
    code: 'ERR_LIBTORCH_DAMAGED',
    message: /libtorch_cpu\.so is damaged: it has 1000 bytes/,
  })
  await setup.run({ from: fakes.shop })
  t.ok(verify(libtorch))
  const changed = readFileSync(file)
  changed[5]! ^= 1
  writeFileSync(file, changed)
  t.throws(() => verify(libtorch), { code: 'ERR_LIBTORCH_DAMAGED', message: /SHA-256/ })
  t.strictSame(setup.left(), ['2.13.0-cpu'])
})

const mounts = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
test('a disk that fills up in the middle', { skip: mounts ? false : 'no disk can be mounted here' }, async (t) => {
  const fakes = fakeWheels(t)
  const disk = mkdtempSync(join(tmpdir(), 'gogepo-disk-'))
  t.teardown(() => rmSync(disk, { recursive: true }))
  t.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status, 0)
  t.teardown(() => spawnSync('umount', [disk]))
  const whole = await serve(t, fakes.shop, { ranges: false })
  const setup = setupIn(t, fakes)
  const dir = join(disk, 'libtorch')
  const { folder: libtorch } = await setup.run({ from: fakes.shop })
  const fill = (free: number) => {
    const filler = join(disk, 'filler')
    const { bavail, bsize } = statfsSync(disk)
    if (!existsSync(filler)) writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - free)))
  }
  const cases: [string, SetupOptions, number, RegExp][] = [
    ['before it copies', { from: fakes.shop }, 0.1e6, /There is not enough space/],
    ['while it downloads', { mirror: whole.url }, 0.1e6, /The disk is full: .*\.whl cannot be written/],
    ['before it copies a LibTorch', { from: libtorch }, 0.1e6, /There is not enough space for .*libtorch_cpu\.so in/],
    ['before it unpacks', { mirror: whole.url }, 0.9e6, /There is not enough space for torch 2\.13\.0/],
  ]
  for (const [name, options, free, message] of cases) {
    if (options.from !== undefined) fill(free)
    const error = await failure(setup.run({ ...options, dir }, { progress: () => fill(free) }))
    t.match(error, { code: 'ERR_DISK_FULL', message }, name)
    t.match(error.message, /Free some space, set GOGEPO_CACHE .*--dir\.$/, name)
    rmSync(join(disk, 'filler'))
  }
  await setup.run({ mirror: whole.url, dir })
  t.strictSame(readdirSync(disk), ['libtorch'])
  t.match(await failure(setup.run({ from: fakes.shop, dir: disk })), {
    code: 'ERR_FILE',
    message: /is where another disk is mounted.*Name a folder in it/,
  })
})

test('what interrupted installations left is removed, unless one is at work', async (t) => {
  const cache = join(t.testdirName, 'cache')
  const left = join(cache, 'libtorch', `.part-${hostname()}-0123456789ab`)
  mkdirSync(left, { recursive: true })
  const unlock = await lockFolder(join(cache, 'libtorch'), () => {})
  await tidyCache({ GOGEPO_CACHE: cache })
  t.ok(existsSync(left))
  unlock()
  await tidyCache({ GOGEPO_CACHE: cache })
  t.strictSame(readdirSync(join(cache, 'libtorch')), [])
  await t.resolves(tidyCache({ GOGEPO_CACHE: join(t.testdirName, 'none') }))
})
