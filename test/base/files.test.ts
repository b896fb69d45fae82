// Files of a run: what may take their place, and what is reported where they cannot be written.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { GogepoError } from '../../lib/base/errors.js'
import {
  hashFile,
  isDiskFull,
  openToAppend,
  openToRead,
  readText,
  refuseLink,
  requireWritable,
  writeError,
  writeWhole,
} from '../../lib/base/files.js'

/** An error as the file system throws it. */
const systemError = (code: string, errno: number): Error =>
  Object.assign(new Error(`${code}: the system’s own words, write`), { code, errno, syscall: 'write' })

test('a failed write names the file and the cause', async (t) => {
  const path = join(t.testdir(), 'learner.safetensors')
  for (const [error, code, facts] of [
    [systemError('ENOSPC', -28), 'ERR_DISK_FULL', /disk is full.*learner\.safetensors.*3\.0 MB.*free/],
    [systemError('EDQUOT', -122), 'ERR_DISK_FULL', /quota.*learner\.safetensors.*3\.0 MB\. The one/],
    [systemError('Unknown system error -122', -122), 'ERR_DISK_FULL', /quota.*learner\.safetensors/],
    [systemError('EIO', -5), 'ERR_FILE', /learner\.safetensors.*EIO/],
    [systemError('EROFS', -30), 'ERR_FILE', /learner\.safetensors.*EROFS/],
    [systemError('EACCES', -13), 'ERR_FILE', /learner\.safetensors.*EACCES/],
  ] as const) {
    const reported = writeError(error, path, 'The one before is intact.', 3e6)
    t.match(reported, { code, message: facts, cause: error })
    t.match(reported.message, /The one before is intact\.$/)
    t.equal(isDiskFull(error), code === 'ERR_DISK_FULL')
  }
  t.match(
    writeError(systemError('ENOENT', -2), join(path, 'x')).message,
    /learner\.safetensors\/x.*no folder .*learner/,
  )
  const own = new GogepoError('ERR_RUN', 'mine')
  t.equal(writeError(own, path), own, 'what says it already is not said again')
  t.match(
    writeError(systemError('ENOSPC', -28), '/nowhere/at/all', '', 1).message,
    /\/nowhere\/at\/all .* 1 kB; [\d.]+ [MG]B are free/,
  )
  for (const [code, words] of [
    ['EMFILE', /ulimit/],
    ['ENAMETOOLONG', /255 bytes/],
    ['ELOOP', /circle/],
  ] as const)
    t.match(writeError(systemError(code, -1), path), { code: 'ERR_FILE', message: words })
})

test('a file is written whole or not at all', async (t) => {
  const dir = t.testdir({ file: 'old', folder: { in: '' } })
  const path = join(dir, 'file')
  writeWhole(path, [Buffer.from('new'), Buffer.from('er')], true)
  t.equal(readFileSync(path, 'utf8'), 'newer')
  function* half(): Generator<Uint8Array> {
    yield Buffer.from('half')
    throw systemError('ENOSPC', -28)
  }
  t.throws(() => writeWhole(path, half()), { code: 'ERR_DISK_FULL' })
  t.equal(readFileSync(path, 'utf8'), 'newer')
  t.throws(() => writeWhole(join(dir, 'folder'), [Buffer.from('x')]), { code: 'ERR_FILE' })
  t.throws(() => writeWhole(join(dir, 'none', 'file'), [Buffer.from('x')]), { code: 'ERR_FILE', message: /none/ })
  t.strictSame(readdirSync(dir).sort(), ['file', 'folder'], 'nothing is left beside them')
  if (existsSync('/dev/full')) {
    symlinkSync('/dev/full', join(dir, 'link'))
    writeWhole(join(dir, 'link'), [Buffer.from('x')])
    t.equal(readFileSync(join(dir, 'link'), 'utf8'), 'x', 'a link is replaced, not followed')
  }
})

test('what could not be written at the end is refused at the beginning', async (t) => {
  const dir = t.testdir({ file: 'old', folder: {} })
  requireWritable(join(dir, 'file'))
  requireWritable(join(dir, 'new'))
  t.strictSame(readdirSync(dir), ['file', 'folder'])
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'old')
  for (const [name, words] of [
    ['folder', /other than a file/],
    ['none/a', /no folder/],
    ['a'.repeat(256), /255 bytes/],
  ] as const) {
    t.throws(() => requireWritable(join(dir, name)), { code: 'ERR_FILE', message: words })
    t.throws(() => writeWhole(join(dir, name), []), { code: 'ERR_FILE' })
  }
  spawnSync('mkfifo', [join(dir, 'pipe')])
  t.throws(() => writeWhole(join(dir, 'pipe'), []), { code: 'ERR_FILE', message: /pipe.*other than a file/ })
  t.ok(lstatSync(join(dir, 'pipe')).isFIFO(), 'what is no file, such as a device, is not replaced')
})

test('what is no file is refused before anything waits for it', async (t) => {
  const dir = t.testdir({ file: 'text', folder: {} })
  spawnSync('mkfifo', [join(dir, 'pipe')])
  symlinkSync('file', join(dir, 'link'))
  symlinkSync('folder', join(dir, 'linked'))
  for (const name of ['folder', 'pipe'])
    for (const open of [openToRead, openToAppend]) t.throws(() => open(join(dir, name)), Error, name)
  t.throws(() => openToRead('/dev/zero'), /not a file/)
  t.throws(() => openToAppend(join(dir, 'link')), { code: 'ELOOP' })
  closeSync(openToRead(join(dir, 'link')).file)
  const { file, size } = openToAppend(join(dir, 'file'))
  t.equal(size, 4)
  closeSync(file)
  t.throws(() => refuseLink(join(dir, 'linked')), { code: 'ERR_RUN', message: /linked/ })
  for (const name of ['folder', 'file', 'none']) refuseLink(join(dir, name))
})

test('text is read up to a limit, and hashed at any length', async (t) => {
  const path = join(t.testdir({ file: 'größe' }), 'file')
  t.equal(readText(path, 100), 'größe')
  t.throws(() => readText(path, 3), /3 bytes.*7/)
  const long = Buffer.alloc((1 << 21) + 7, 'abc')
  writeFileSync(path, long)
  t.equal(hashFile(path), createHash('sha256').update(long).digest('hex'))
})
