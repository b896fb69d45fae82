// gogepo doctor, where all is well and where each thing is wrong.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import type { Diagnosis } from '../../lib/doctor/doctor.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const plain: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !['GOGEPO_LIBTORCH', 'LIBTORCH', 'VIRTUAL_ENV', 'CONDA_PREFIX'].includes(name),
  ),
)

function doctor(
  env: NodeJS.ProcessEnv = process.env,
  program = join(root, 'dist/cli/main.js'),
  nodeOptions: string[] = [],
): Diagnosis & { status: number | null } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeOptions, program, 'doctor', '--json'], {
    encoding: 'utf8',
    env,
  })
  if (stderr !== '') throw new Error(stderr)
  return { status, ...(JSON.parse(stdout) as Diagnosis) }
}

test('all is well', async (t) => {
  const found = doctor()
  t.match(found, {
    status: 0,
    problems: [],
    check: { device: String, gflops: Number, task: 'Swimmer-v5', steps: 1000, usPerStep: Number },
  })
  t.ok(found.check!.gflops > 0 && found.check!.usPerStep > 0)
  t.match(found, {
    versions: { gogepo: /^\d/, node: process.versions.node, libtorch: /^2\./, mujoco: '3.14.0' },
    addon: { loader: /gogepo\.node$|\.node$/, engine: /torch2\.\d+\.so$/ },
  })
  t.match(found.libtorch.places.at(-1)!.found, /^LibTorch 2\./)
  t.ok(
    found.cpu.model &&
      found.cpu.threads > 0 &&
      ['AVX-512', 'AVX2', 'SSE2'].includes(found.cpu.kernels) &&
      found.memory.free > 0,
  )
  const words = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'doctor'], { encoding: 'utf8' })
  t.match(words, { status: 0, stdout: /^gogepo .*\nLibTorch (.*\n)*.*GFLOP\/s/ })
})

test('LibTorch and MuJoCo are missing, or named wrongly: one problem each, one fix each', async (t) => {
  const dir = t.testdir({ empty: {} })
  const none = doctor({ ...plain, GOGEPO_CACHE: join(dir, 'none') })
  t.match(none, { status: 1, versions: { libtorch: null, mujoco: null }, check: null })
  t.match(none.problems, [
    { what: /LibTorch/, fix: /npm run setup$/ },
    { what: /MuJoCo 3\.14\.0/, fix: /npm run setup$/ },
  ])
  t.equal(none.libtorch.places.length, 6)

  const wrong = doctor({ ...plain, GOGEPO_LIBTORCH: join(dir, 'empty') })
  t.strictSame([wrong.status, wrong.problems.length], [1, 1])
  t.match(wrong.problems[0], {
    what: /^GOGEPO_LIBTORCH is .*empty.* lib\/libtorch_cpu\.so/,
    fix: /./,
  })
  t.match(doctor({ ...plain, GOGEPO_MUJOCO: join(dir, 'empty') }).problems, [
    { what: /^GOGEPO_MUJOCO is .*empty/, fix: /./ },
  ])
})

test('the addon is missing', async (t) => {
  const dir = t.testdir({ clone: {} })
  for (const name of ['dist', 'package.json']) cpSync(join(root, name), join(dir, 'clone', name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(dir, 'clone', 'node_modules'))
  t.match(doctor({ ...process.env, GOGEPO_PREBUILD: '' }, join(dir, 'clone/dist/cli/main.js')), {
    status: 1,
    addon: { loader: null, engine: null },
    problems: [
      { what: /addon .*linux-x64.*missing/, fix: /./ },
      { what: /No usable LibTorch/, fix: /./ },
    ],
  })
})

test('a machine that gogepo cannot run on: the only problem, since nothing else would help', async (t) => {
  const { pathname } = new URL(`data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})`)
  const result = doctor({ ...process.env, NODE_OPTIONS: `--import="data:${pathname}"`, GOGEPO_MUJOCO: '/none' })
  t.match(result, { status: 1, problems: [{ what: /this is darwin x64/, fix: /container image/ }] })
  t.equal((result.problems as unknown[]).length, 1)
})

test('the check dies or is refused: said in words', async (t) => {
  for (const [signal, call, words] of [
    ['SIGSEGV', 'raise(11)', /memory/],
    ['SIGILL', 'raise(4)', /instruction/],
    ['SIGKILL', 'raise(9)', /memory/],
  ] as const)
    t.match(doctor({ ...plain, GOGEPO_LIBTORCH: libtorchThat(t, call) }), {
      status: 1,
      check: null,
      problems: [{ what: new RegExp(`${signal} \\(signal \\d+\\): .*${words.source}`), fix: /./ }],
    })
  t.match(doctor({ ...plain, GOGEPO_LIBTORCH: libtorchThat(t, '_exit(7)') }).problems, [
    { what: /exit code 7/, fix: /npm run setup$/ },
  ])
  t.match(doctor(process.env, undefined, ['--no-addons']).problems, [{ what: /addon/, fix: /--no-addons/ }])
})

/** A folder that looks like LibTorch, whose first library does this when it is opened. */
function libtorchThat(t: Test, does: string): string {
  const folder = join(t.testdir({}), does.replace(/\W/g, ''))
  mkdirSync(join(folder, 'lib'), { recursive: true })
  writeFileSync(join(folder, 'build-version'), '2.13.0\n')
  const library = (name: string, source: string): void => {
    const { status } = spawnSync(
      process.env['CC'] || 'gcc',
      ['-shared', '-fPIC', '-x', 'c', '-', '-o', join(folder, 'lib', name)],
      { input: source },
    )
    t.equal(status, 0)
  }
  const source = `#include <signal.h>\n#include <unistd.h>\n__attribute__((constructor)) static void opened(void) { ${does}; }\n`
  library('libc10.so', source)
  library('libtorch_cpu.so', '')
  return folder
}
