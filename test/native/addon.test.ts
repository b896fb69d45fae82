import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'

// Each case is a process of its own, since LibTorch can be opened once. What it prints as JSON is what is looked at.
const root = fileURLToPath(new URL('../..', import.meta.url))
const prelude = `
  import { createRequire } from 'node:module'
  import { Worker } from 'node:worker_threads'
  const mapped = () => process.report.getReport().sharedObjects.filter((path) => /libtorch|libmujoco|gogepo/.test(path)).length
  const code = (call) => { try { call(); return 'none' } catch (error) { return [error.code, error.message] } }
`

function run(t: Test, script: string, env: NodeJS.ProcessEnv = {}, ...flags: string[]): unknown {
  const source = `${prelude}\nconst { openAddon } = await import('./dist/native/addon.js')\n${script}`
  const { stdout, stderr, signal, status } = spawnSync(
    process.execPath,
    [...flags, '--input-type=module', '-e', source],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    },
  )
  t.strictSame({ signal, status }, { signal: null, status: 0 }, stderr)
  return JSON.parse(stdout)
}

test('importing opens nothing; opening is once, with everything in', async (t) => {
  const script = `
    const before = mapped(), one = openAddon(), two = openAddon()
    console.log(JSON.stringify({ before, after: mapped() > 4, same: one === two, names: Object.keys(one.exports), minor: one.libtorch.minor }))`
  const found = run(t, script) as { names: string[] }
  t.match(found, { before: 0, after: true, same: true, minor: '2.13' })
  for (const name of ['Device', 'Policies', 'Rollout', 'Actors', 'Ars', 'Es', 'Pgpe', 'LearnedPolicy'])
    t.ok(found.names.includes(name), name)
})

test('workers open it too, beside the main thread and after each other, and all end cleanly', async (t) => {
  const script = `
    const once = () => new Promise((settle, fail) => new Worker(
      "import('./dist/native/addon.js').then(({ openAddon }) => require('node:worker_threads').parentPort.postMessage(Object.keys(openAddon().exports).length))",
      { eval: true, execArgv: [] }).on('message', settle).on('error', fail))
    const first = await once(), here = Object.keys(openAddon().exports).length
    console.log(JSON.stringify(new Set([first, here, ...await Promise.all([once(), once()])]).size))`
  t.equal(run(t, script), 1)
})

test('what cannot be opened is an error with its fix, and the process continues', async (t) => {
  t.match(run(t, 'console.log(JSON.stringify(code(openAddon)))', {}, '--no-addons'), ['ERR_ADDON', /--no-addons/])
  t.match(run(t, 'console.log(JSON.stringify(code(openAddon)))', { GOGEPO_LIBTORCH: '/nowhere' }), [
    'ERR_LIBTORCH_NOT_FOUND',
    /GOGEPO_LIBTORCH.*\/nowhere/,
  ])
  const broken = t.testdir({
    lib: { 'libtorch_cpu.so': 'no library', 'libc10.so': 'no library' },
    'build-version': '2.13.0+cpu',
  })
  t.match(run(t, 'console.log(JSON.stringify(code(openAddon)))', { GOGEPO_LIBTORCH: broken }), [
    'ERR_LIBTORCH_DAMAGED',
    /libc10\.so is damaged: /,
  ])
})

test('CUDA from a LibTorch without it is refused', async (t) => {
  const cpu = t.testdir({ lib: { 'libtorch_cpu.so': '', 'libc10.so': '' }, 'build-version': '2.13.0+cpu' })
  const script = 'console.log(JSON.stringify(code(() => openAddon({ cuda: true }))))'
  t.match(run(t, script, { GOGEPO_LIBTORCH: cpu }), ['ERR_CUDA_UNAVAILABLE', /LibTorch 2\.13\.0\+cpu/])
})

test('another LibTorch in the process is refused', async (t) => {
  const other = join(t.testdir(), 'another')
  mkdirSync(other)
  t.equal(spawnSync('g++', ['-shared', '-x', 'c++', '/dev/null', '-o', join(other, 'libtorch_cpu.so')]).status, 0)
  const script = `
    createRequire(import.meta.url)('./build/Release/gogepo.node').open([process.env.OTHER])
    console.log(JSON.stringify(code(openAddon)))`
  t.match(run(t, script, { OTHER: join(other, 'libtorch_cpu.so') }), [
    'ERR_LIBTORCH_VERSION',
    /another LibTorch.*another\/libtorch_cpu\.so/i,
  ])
})
