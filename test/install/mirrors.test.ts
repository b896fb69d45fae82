// Where files come from: mirrors of every kind, and servers that misbehave.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { verify } from '../../lib/install/verify.js'
import { download } from '../../lib/install/web.js'
import { fakeWheels, serve } from './fake-wheels.js'
import { cpuFiles, failure, filesIn, setupIn } from './setup-in.js'

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
