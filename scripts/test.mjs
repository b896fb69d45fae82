// Runs all tests and checks, continues after failures, and ends with one line: N passed, N failed, N skipped.
//   --deep   runs the slow tests in test/deep instead
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linters } from './lint.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const deep = process.argv.includes('--deep')
const total = { passed: 0, failed: 0, skipped: 0 }
const minutes = (n) => n * 60_000

// Runs a command and prints its output; `capture` also returns it.
function run(command, args, { capture = false, timeout = minutes(30), env = {} } = {}) {
  const stdio = ['ignore', capture ? 'pipe' : 'inherit', 'inherit']
  const result = spawnSync(command, args, {
    cwd: root,
    stdio,
    timeout,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  })
  if (capture) process.stdout.write(result.stdout ?? '')
  if (result.error) console.log(`${command}: ${result.error.message}`)
  else if (result.signal) console.log(`${command} was killed by ${result.signal}`)
  return { ok: result.status === 0, stdout: result.stdout ?? '' }
}

function heading(text) {
  console.log(`\n# ${text}`)
}

function words({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

function count(outcome, n = 1) {
  total[outcome] += n
}

/** A step that either passes or fails. */
function step(name, command, args) {
  heading(name)
  const { ok } = run(command, args)
  count(ok ? 'passed' : 'failed')
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}`)
}

/** Parses the results of TAP output at one level of indentation, in order. */
function results(tap, depth) {
  const line = new RegExp(`^ {${depth * 4}}(not )?ok\\b(?: \\d+)?(?: - )?([^\\n]*)$`, 'gm')
  return [...tap.matchAll(line)].map(([, not, rest]) => ({
    outcome: /(?<!\\)# (SKIP|TODO)\b/i.test(rest) ? 'skipped' : not ? 'failed' : 'passed',
    name: rest.replace(/ *(?<!\\)#.*$/, ''),
  }))
}

function tally(found) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const { outcome } of found) sum[outcome]++
  return sum
}

function add(found) {
  for (const outcome of Object.keys(total)) count(outcome, found[outcome])
}

/**
 * Runs tap: files are at depth 0, their tests at depth 1. A file can fail although none of its tests did (crash,
 * timeout).
 */
function tap(folder) {
  const files = existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true })
        .filter((name) => name.endsWith('.test.ts') && !name.startsWith(`deep${sep}`))
        .sort()
    : []
  if (files.length === 0) return
  heading(`tap, ${folder}`)
  mkdirSync(join(root, 'build'), { recursive: true })
  const output = join(root, 'build', `${folder.replaceAll('/', '-')}.tap`)
  rmSync(output, { force: true })
  const tapBin = join(root, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')
  const reporter = process.stdout.isTTY ? 'terse' : 'min'
  const { ok } = run(
    process.execPath,
    [
      tapBin,
      'run',
      `--reporter=${reporter}`,
      `--output-file=${output}`,
      `--timeout=${deep ? 2700 : 900}`, // seconds for each file, on a machine that is busy with something else
      ...files.map((name) => join(folder, name)),
    ],
    {
      timeout: minutes(deep ? 60 : 40),
    },
  )
  console.log() // tap does not end its last line
  const text = existsSync(output) ? readFileSync(output, 'utf8') : ''
  let failed = false
  for (const block of text.split(/^(?=# Subtest: )/m).slice(1)) {
    const tests = tally(results(block, 1))
    const [file] = results(block, 0)
    if (file?.outcome !== 'passed' && file?.outcome !== 'skipped' && tests.failed === 0) tests.failed = 1
    failed ||= tests.failed > 0
    add(tests)
    console.log(`${tests.failed > 0 ? 'not ok' : 'ok'} - ${/^# Subtest: (.*)$/m.exec(block)[1]}: ${words(tests)}`)
  }
  if (!ok && !failed) count('failed')
}

/**
 * Runs the native tests: executables that print TAP, listed by CTest and run directly, with LibTorch and MuJoCo on the
 * library path.
 */
function native() {
  step('native tests build', 'ninja', ['-C', join(root, 'build'), '-k', '0', 'native_tests'])
  const listing = spawnSync('ctest', ['--test-dir', join(root, 'build'), '--show-only=json-v1'], { encoding: 'utf8' })
  if (listing.status !== 0) {
    heading('native tests')
    console.log(`not ok - CTest could not list the native tests: ${listing.error?.message ?? listing.stderr}`)
    return count('failed')
  }
  const { libtorch, mujoco } = JSON.parse(readFileSync(join(root, 'build', 'setup.json'), 'utf8'))
  const LD_LIBRARY_PATH = [join(libtorch, 'lib'), mujoco, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':')
  for (const { name, command } of JSON.parse(listing.stdout).tests) {
    heading(`native, ${name}`)
    if (!command) {
      console.log('not ok - it was not built')
      count('failed')
      continue
    }
    const { ok, stdout } = run(command[0], command.slice(1), {
      capture: true,
      timeout: minutes(2),
      env: { LD_LIBRARY_PATH },
    })
    const found = tally(results(stdout, 0))
    if (!ok && found.failed === 0) found.failed = 1
    if (found.passed + found.failed + found.skipped === 0) found.failed = 1
    add(found)
  }
}

if (deep) tap('test/deep')
else {
  const { ok } = run(process.execPath, [join(root, 'scripts', 'setup.mjs')])
  if (!ok) {
    console.log('not ok - setup')
    count('failed')
  }
  // Without node modules, the steps below that need tap, tsc or eslint fail with a clear message.
  native()
  tap('test')
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  step('types', process.execPath, [tsc, '--project', join(root, 'test')])
  step('generated pages', process.execPath, [join(root, 'scripts', 'docs.mjs'), '--check'])
  for (const { name, command, args } of linters()) step(name, command, args)
}
console.log(`\n${words(total)}`)
const nothing = total.passed + total.failed === 0
process.exitCode = total.failed > 0 || (nothing && !deep) ? 1 : 0
