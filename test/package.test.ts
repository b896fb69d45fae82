// The package as npm packs it, in a folder of its own: imported, required, its types used, and held against what other tools expect of packages.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}

function succeeds(t: Test, cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) t.fail(`${command} ${args.join(' ')}: ${stdout}${stderr}${error?.message ?? ''}`)
  return stdout
}

/** A folder with the packed package among its node modules, and the archive. */
function installed(t: Test): { folder: string; archive: string } {
  const folder = t.testdir({ node_modules: { '@types': {} }, 'package.json': '{"private":true}' })
  const [{ filename }] = JSON.parse(
    succeeds(t, root, 'npm', 'pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder),
  ) as [{ filename: string }]
  const archive = join(folder, filename)
  succeeds(t, folder, 'tar', '-xzf', archive)
  succeeds(t, folder, 'mv', 'package', join('node_modules', 'gogepo'))
  for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types'])
    symlinkSync(join(modules, name), join(folder, 'node_modules', name))
  return { folder, archive }
}

const names = [
  'CsvReporter',
  'GogepoError',
  'MlflowReporter',
  'TensorBoardReporter',
  'bestPlusDrive',
  'checkEnv',
  'defineAlgorithm',
  'defineStudy',
  'loadPolicy',
  'openRun',
  'policySpecOf',
  'requireTensor',
  'resume',
  'setting',
  'strategies',
  'sweepSvg',
  'train',
  'values',
]

test('packed: import and require give the same names, and open nothing', (t) => {
  const { folder } = installed(t)
  const tell = `console.log(JSON.stringify(Object.keys(gogepo).filter((name) => name !== '__esModule' && name !== 'module.exports').sort()))
    if (/libtorch|gogepo-engine/.test(require('node:fs').readFileSync('/proc/self/maps', 'utf8'))) throw new Error('LibTorch is open')`
  writeFileSync(
    join(folder, 'a.mjs'),
    `import { createRequire } from 'node:module'\nimport * as gogepo from 'gogepo'\nconst require = createRequire(import.meta.url)\n${tell}`,
  )
  writeFileSync(join(folder, 'b.cjs'), `const gogepo = require('gogepo')\n${tell}`)
  for (const file of ['a.mjs', 'b.cjs'])
    t.strictSame(JSON.parse(succeeds(t, folder, process.execPath, file)), names, file)
  t.match(
    succeeds(t, folder, process.execPath, join('node_modules', 'gogepo', 'dist', 'cli', 'main.js'), '--version'),
    /^\d+\.\d+\.\d+/,
  )
  const files = readdirSync(join(folder, 'node_modules', 'gogepo'), { recursive: true, encoding: 'utf8' })
  t.strictSame(
    files.filter((name) => /(?<!\.d)\.ts$|\.cc$|^(test|examples|docs|native)$/.test(name)),
    [],
    'sources stay at home',
  )
  t.end()
})

test('packed: its types hold in strict TypeScript, as a module and from CommonJS', (t) => {
  const { folder } = installed(t)
  for (const name of ['types.mts', 'types.cts']) copyFileSync(join(root, 'test', 'types.ts'), join(folder, name))
  const tsconfig = {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      noEmit: true,
      skipLibCheck: false,
    },
    files: ['types.mts', 'types.cts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const tsc = join(modules, 'typescript', 'bin', 'tsc')
  succeeds(t, folder, process.execPath, tsc, '-p', '.')
  writeFileSync(join(folder, 'types.mts'), 'import { train } from "gogepo"\ntrain({ taks: "Hopper-v5" })\n')
  t.not(spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: folder }).status, 0, 'and a mistake is found')
  t.end()
})

test('packed: publint and arethetypeswrong find nothing', (t) => {
  const { archive } = installed(t)
  t.match(
    succeeds(t, root, process.execPath, join(modules, 'publint', 'src', 'cli.js'), archive, '--strict'),
    /All good!/,
  )
  t.match(
    succeeds(
      t,
      root,
      process.execPath,
      join(modules, '@arethetypeswrong', 'cli', 'dist', 'index.js'),
      archive,
      '--profile',
      'esm-only',
      '--no-color',
      '--no-emoji',
    ),
    /node16 \(from ESM\) │ OK \(ESM\)/,
  )
  t.end()
})

test('packed: it trains, evaluates and resumes, and its command line works', (t) => {
  const tap = succeeds(t, root, process.execPath, join(root, 'scripts', 'packed.mjs'), '--short')
  t.notMatch(tap, /^not ok/m)
  t.match(tap, /^ok 3/m)
  t.end()
})

test('each exported name is used by an example, a page, the command line or a test’s own algorithm', (t) => {
  const index = readFileSync(join(root, 'lib', 'index.ts'), 'utf8')
  const users = ['examples', 'docs', 'lib/cli']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => readFileSync(join(root, folder, name), 'utf8')),
    )
    .concat(readFileSync(join(root, 'test', 'climb.ts'), 'utf8'))
    .join('\n')
  t.strictSame(
    [...index.matchAll(/export (?:\{([^}]*)\}|\* as (\w+))/g)]
      .flatMap(([, list, namespace]) =>
        (list ?? namespace!)
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '' && !name.startsWith('type ')),
      )
      .sort(),
    names,
  )
  for (const name of names) t.match(users, new RegExp(`import \\{[^}]*\\b${name}\\b`), name)
  t.end()
})
