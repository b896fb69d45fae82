import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { findFolder } from '../../lib/base/package.js'
import { engineMinors, readManifest } from '../../lib/install/binaries.js'
import { refuseMachine } from '../../lib/install/machine.js'
import { formatRecord, parseRecord, sizeProblem } from '../../lib/install/record.js'

test('what this machine lacks is said before anything is opened, and no advice is given that cannot help', async (t) => {
  const fits = { platform: 'linux', arch: 'x64', glibc: '2.36' }
  t.doesNotThrow(() => refuseMachine(fits, '2.28'))
  t.doesNotThrow(() => refuseMachine({ ...fits, glibc: '2.28' }, '2.27'))
  for (const [machine, code, message] of [
    [{ ...fits, platform: 'darwin', arch: 'arm64' }, 'ERR_PLATFORM', /this is darwin arm64/],
    [{ ...fits, platform: 'win32' }, 'ERR_PLATFORM', /this is win32 x64/],
    [{ ...fits, arch: 'arm64' }, 'ERR_PLATFORM', /this is linux arm64/],
    [{ ...fits, glibc: undefined }, 'ERR_PLATFORM', /without glibc, such as Alpine/],
    [{ ...fits, glibc: '2.17' }, 'ERR_GLIBC', /need glibc 2\.28 or newer, but this system has 2\.17/],
    [{ ...fits, glibc: '2.9' }, 'ERR_GLIBC', /has 2\.9/],
  ] as const) {
    t.throws(() => refuseMachine(machine, '2.27'), { code, message })
    t.throws(() => refuseMachine(machine, '2.27'), { message: /^(?!.*(setup|npm run)).*container image/ })
  }
  t.throws(() => refuseMachine({ ...fits, glibc: '2.31' }, '2.34'), { code: 'ERR_GLIBC', message: /2\.34 or newer/ })
})

test('a bundle is recognized', async (t) => {
  const dir = t.testdir({ 'package.json': '{"name":"somebody"}', dist: { 'bundle.js': '' } })
  for (const url of [undefined, '', `file://${dir}/dist/bundle.js`, `file://${dir}/no/such/folder/here.js`])
    t.throws(() => findFolder(url), { code: 'ERR_BUNDLED', message: /esbuild.*webpack.*Next\.js/ })
})

test('the versions that can be used are those of the manifest, otherwise those that were built', async (t) => {
  const dir = t.testdir({
    shipped: {
      'manifest.json': JSON.stringify({
        files: { 'gogepo-engine.torch2.13.so': {}, 'gogepo-engine.torch2.9.so': {}, 'gogepo.node': {} },
      }),
      'gogepo-engine.torch2.8.so': '',
    },
    built: { 'gogepo-engine.torch2.14.so': '', 'gogepo-cuda.torch2.11.so': '' },
  })
  t.strictSame(engineMinors(join(dir, 'shipped')), ['2.9', '2.13'])
  t.strictSame(engineMinors(join(dir, 'built')), ['2.14'])
  t.equal(readManifest(join(dir, 'built')), undefined)
  t.ok(engineMinors(join(dir, 'absent')).includes('2.13'), 'a clone can build those that are pinned')
})

test('a library that is cut short: by its list of files, otherwise by what its own header says', async (t) => {
  const dir = t.testdir({ torch: { lib: {} } })
  const file = join(dir, 'torch', 'lib', 'libc10.so')
  const header = Buffer.alloc(64)
  header.writeUInt32BE(0x7f454c46)
  header.writeBigUInt64LE(1000n, 40)
  header.writeUInt16LE(64, 58)
  header.writeUInt16LE(3, 60)
  const whole = Buffer.concat([header, Buffer.alloc(1128)])
  writeFileSync(file, whole)
  t.equal(sizeProblem(join(dir, 'torch'), file), undefined)
  truncateSync(file, 1191)
  t.equal(sizeProblem(join(dir, 'torch'), file), 'it has 1191 bytes instead of at least 1192')
  truncateSync(file, 0)
  t.match(sizeProblem(join(dir, 'torch'), file), /0 bytes/)

  writeFileSync(file, whole)
  writeFileSync(join(dir, 'RECORD'), 'torch/lib/libc10.so,sha256=x,1193\n')
  t.equal(sizeProblem(join(dir, 'torch'), file), 'it has 1192 bytes instead of 1193')
})

test('a list of files survives writing and reading', async (t) => {
  const record = new Map([
    ['torch/lib/a.so', { sha256: 'x_-', size: 1 }],
    ['a, "quoted" name', { sha256: 'y', size: 2 }],
  ])
  t.strictSame(parseRecord(formatRecord(record)), record)
  t.strictSame(parseRecord('a.dist-info/RECORD,,\n\nnonsense\n').size, 0)
})
