// Installing: what is put where, what is refused, and what an interruption leaves.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import type { Kind } from '../../lib/install/layouts.js'
import { lockFolder } from '../../lib/install/lock.js'
import { tidyCache, type SetupOptions } from '../../lib/install/setup.js'
import { damage, verify } from '../../lib/install/verify.js'
import { fakeWheels, serve } from './fake-wheels.js'
import { cpuFiles, failure, filesIn, setupIn } from './setup-in.js'

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
