// Runs the native code under GCC's sanitizers, built in build/sanitize.
//   npm run --silent sanitize [-- --short]
//   address + undefined: the native tests and fuzz harnesses, then the addon in Node, with valid and invalid calls
//   thread: the native tests of the thread pools
//   napi: the addon in Node and all tap tests, with a guard (test/native/napi_guard.cc) that aborts on Node-API calls
//     from threads other than JavaScript's; also checks that the addon never passes V8 an external buffer
// --short skips what needs LibTorch. Reports in third-party code are suppressed in scripts/sanitize.supp. Exits with 0
// if all is clean.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const short = process.argv.includes('--short')
const { libtorch, mujoco } = JSON.parse(readFileSync(join(root, 'build', 'setup.json'), 'utf8'))
const LD_LIBRARY_PATH = `${join(libtorch, 'lib')}:${mujoco}`
const suppressions = join(root, 'scripts', 'sanitize.supp')
const environment = {
  ASAN_OPTIONS: `abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1:detect_leaks=0`,
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  TSAN_OPTIONS: `halt_on_error=1:suppressions="${suppressions}"`,
}
let failed = 0

function run(what, command, args, { env = {}, capture = false } = {}) {
  const { status, signal, error, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...environment, ...env },
  })
  const ok = status === 0
  if (!ok) failed++
  if (!ok) process.stdout.write(stdout ?? '')
  console.log(`${ok ? 'ok' : 'not ok'} - ${what}${ok ? '' : `: ${signal ?? error?.message ?? `exit ${status}`}`}`)
  return capture ? stdout : ok
}

/** Builds with the given sanitizer flags. Returns the folder for node-gyp-build to search. */
function build(kind, flags, targets) {
  const folder = join(root, 'build', 'sanitize', kind)
  const inner = join(folder, 'build')
  const made = run(`${kind}: configures`, 'cmake', [
    '-S',
    root,
    '-B',
    inner,
    '-G',
    'Ninja',
    `-DCMAKE_CXX_COMPILER=${process.env.CXX || 'g++'}`,
    '-DCMAKE_BUILD_TYPE=Sanitize',
    `-DCMAKE_CXX_FLAGS_SANITIZE=-O1 -g ${flags} -Wno-maybe-uninitialized`,
    `-DGOGEPO_LIBTORCH=${libtorch}`,
    `-DGOGEPO_MUJOCO=${mujoco}`,
  ])
  if (made)
    run(`${kind}: builds`, 'ninja', ['-C', inner, '-j', String(Math.min(2, availableParallelism())), ...targets])
  return folder
}

/**
 * Runs native tests of a build. ThreadSanitizer needs address randomization off: newer kernels randomize more bits than
 * it supports.
 */
function native(folder, kind, tests) {
  for (const test of tests) {
    const program = join(folder, 'build', 'test', 'native', test)
    run(`${kind}: ${test}`, kind === 'thread' ? 'setarch' : program, kind === 'thread' ? ['-R', program] : [], {
      env: { LD_LIBRARY_PATH },
    })
  }
}

/** Runs a build's addon in Node: generated calls, and processes that end in the middle of work. */
function inNode(folder, kind, env = {}) {
  const scratch = mkdtempSync(join(tmpdir(), 'gogepo-sanitize-'))
  const calls = (what, runs) => {
    const said = run(
      `${kind}: Node, ${what}`,
      process.execPath,
      [join(root, 'test', 'hostile', `${what}.mjs`), '1', String(runs), join(scratch, 'note')],
      { env: { GOGEPO_PREBUILD: folder, SLOW: '60000', ...env }, capture: true },
    )
    if (said && JSON.parse(said).failed) {
      failed++
      console.log(`not ok - ${kind}: ${said}`)
    }
  }
  calls('native', 300)
  calls('api', 60)
  for (const life of [['trains'], ['disposes'], ['workers', '2'], ['terminates', '2'], ['aborts', '3']])
    run(`${kind}: Node, ${life[0]}`, process.execPath, [join(root, 'test', 'lifecycle', 'child.mjs'), ...life], {
      env: { GOGEPO_PREBUILD: folder, ...env },
    })
  rmSync(scratch, { recursive: true })
}

const small = [
  'random_test',
  'layout_test',
  'mujoco_env_test',
  'kernels_test',
  'actor_test',
  'observation_normalizer_test',
  'thread_pool_test',
  'rollout_test',
  'ars_test',
  'layout_fuzz',
  'options_fuzz',
  'replay_fuzz',
]
const withTorch = [
  'backend_test',
  'device_ops_test',
  'fit_test',
  'networks_test',
  'policy_tensors_test',
  'replay_buffer_test',
]

const pools = ['thread_pool_test', 'rollout_test']
native(build('thread', '-fsanitize=thread', pools), 'thread', pools)

const targets = short
  ? ['thread_pool_test', 'rollout_test', 'actor_test', 'layout_test', 'layout_fuzz', 'options_fuzz', 'replay_fuzz']
  : [...small, ...withTorch]
const address = build('address', '-fsanitize=address,undefined -fno-sanitize-recover=undefined', [
  ...targets,
  ...(short ? [] : ['engine', 'loader']),
])
native(address, 'address', targets)
if (!short) {
  const library = (name) =>
    spawnSync(process.env.CXX || 'g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim()
  inNode(address, 'address', { LD_PRELOAD: ['libasan.so', 'libubsan.so'].map(library).join(' ') })

  const list = join(root, 'build', 'test', 'native', 'napi_functions.inc')
  run('napi: builds', 'ninja', ['-C', join(root, 'build'), 'engine_guarded'])
  const external = /GUARD\(napi_create_external_\w*buffer\)/.exec(readFileSync(list, 'utf8'))
  if (external) failed++
  console.log(`${external ? 'not ok' : 'ok'} - napi: no external buffers${external ? `: ${external[0]}` : ''}`)
  const guarded = join(root, 'build', 'sanitize', 'napi')
  inNode(guarded, 'napi')
  const suite = readdirSync(join(root, 'test'), { recursive: true }).filter(
    (name) => name.endsWith('.test.ts') && !name.startsWith('deep'),
  )
  run(
    "napi: tap's tests",
    process.execPath,
    [
      join(root, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs'),
      'run',
      '--reporter=min',
      ...suite.map((name) => join('test', name)),
    ],
    { env: { GOGEPO_PREBUILD: guarded } },
  )
}
console.log(failed === 0 ? 'clean' : `${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
