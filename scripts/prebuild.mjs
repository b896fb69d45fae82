// Builds prebuilds/linux-x64/ for the npm package: the loader, the addon and the CUDA part for each LibTorch, the actor
// library, MuJoCo, their manifest and licenses. Two builds of one commit with one compiler give the same bytes: everything
// is built anew in a folder of its own, with pinned wheels, whatever else is installed or active. The folder is not
// committed. prebuildify only supports node-gyp, so scripts/cmake-js-shim.mjs takes node-gyp's place.
//   --torch 2.11,2.13   the minor versions of LibTorch; by default all that are pinned
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { manifestOf, problems } from './binaries.mjs'
import { root } from './files.mjs'

const at = (...path) => join(root, ...path)
const work = at('build', 'prebuilt')
const target = at('prebuilds', 'linux-x64')

// Nothing of the environment may change the result: only what finds programs, reaches registries and caches stays.
const kept =
  /^(PATH|HOME|USER|TERM|TMPDIR|CXX|GOGEPO_CACHE|XDG_CACHE_HOME|CCACHE_\w+|CMAKE_C(XX)?_COMPILER_LAUNCHER|(npm_config|PIP|PYENV|SSL_CERT)_\w+|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS|\w+_PROXY)$/i
for (const name of Object.keys(process.env)) if (!kept.test(name)) delete process.env[name]

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0)
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed${error ? `: ${error.message}` : ''}`)
}
const output = (command, ...args) => spawnSync(command, args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? ''

run(process.execPath, [at('scripts', 'setup.mjs'), '--typescript', '--quiet'])
const { installMujoco, installPinned } = await import('../dist/install/clone.js')
const { pinnedVersions } = await import('../dist/install/pins.js')
const { transferLines } = await import('../dist/cli/transfer.js')
const lines = transferLines(process.stderr)

const minorOf = ({ version }) => version.split('.').slice(0, 2).join('.')
const { torch } = parseArgs({ options: { torch: { type: 'string' } } }).values
const minors = torch?.split(',') ?? pinnedVersions.map(minorOf)
const pinned = minors.map((minor) => pinnedVersions.find((pin) => minorOf(pin) === minor))
if (pinned.includes(undefined)) {
  console.error(
    `--torch is ${torch}, but the wheels of LibTorch ${pinnedVersions.map(minorOf).join(', ')} are pinned. To pin others, use scripts/pins.mjs.`,
  )
  process.exit(2)
}

/** The commit that is checked out, and whether files differ from it. */
const commit = () =>
  `${output('git', 'rev-parse', 'HEAD')}${output('git', 'status', '--porcelain', '--untracked-files=no') === '' ? '' : ', with changes'}`
const before = commit()

rmSync(work, { recursive: true, force: true })
mkdirSync(join(work, 'artifacts'), { recursive: true })
copyFileSync(at('package.json'), join(work, 'package.json')) // prebuildify takes the name from here

// Changing LibTorch in one build folder compiles again what includes its headers, and nothing else.
const mujoco = await installMujoco({ progress: lines.progress })
const licenses = []
for (const { version } of pinned) {
  const libtorch = await installPinned(version, { progress: lines.progress })
  lines.end()
  licenses.push(join(licensesIn(dirname(libtorch.folder), 'torch-'), 'LICENSE'))
  console.error(`Building for LibTorch ${libtorch.version}`)
  const options = {
    GOGEPO_LIBTORCH: libtorch.folder,
    GOGEPO_MUJOCO: mujoco,
    CMAKE_CXX_COMPILER: process.env.CXX ?? 'g++',
  }
  run(process.execPath, [
    ...[at('node_modules', 'cmake-js', 'bin', 'cmake-js'), 'configure', '-l', 'error', '-d', root],
    ...['-O', join(work, 'build'), '-B', 'Release', '-G', 'Ninja'],
    ...Object.entries(options).map(([name, value]) => `--CD${name}=${value}`),
  ])
  run('ninja', [
    '-C',
    join(work, 'build'),
    '--quiet',
    '-j',
    String(availableParallelism()),
    'loader',
    'actor_library',
    'engine',
    'cuda_part',
  ])
}
if (commit() !== before) throw new Error('The clone was changed while the binaries were built. Build them again.')
for (const name of readdirSync(join(work, 'build', 'Release')).filter((name) => name.endsWith('.so')))
  run('strip', ['--strip-unneeded', join(work, 'build', 'Release', name)]) // prebuildify strips only the .node file

const library = readdirSync(mujoco).find((name) => name.startsWith('libmujoco.so'))
copyFileSync(join(mujoco, library), join(work, 'artifacts', library))
rmSync(target, { recursive: true, force: true })
run(
  process.execPath,
  [
    ...[at('node_modules', 'prebuildify', 'bin.js'), '--napi', '--strip', '--cwd', work, '--out', root],
    ...['--node-gyp', at('scripts', 'cmake-js-shim.mjs'), '--artifacts', join(work, 'artifacts')],
  ],
  work,
)

const names = readdirSync(target)
const wrong = names.flatMap((name) => problems(join(target, name)))
if (wrong.length > 0) throw new Error(`The binaries are not fit for a release:\n${wrong.join('\n')}`)
writeFileSync(
  join(target, 'manifest.json'),
  `${JSON.stringify(
    {
      gogepo: JSON.parse(readFileSync(at('package.json'), 'utf8')).version,
      commit: before,
      compiler: output(process.env.CXX ?? 'g++', '--version').split('\n')[0],
      ...manifestOf(target, names),
    },
    null,
    2,
  )}\n`,
)
writeLicenses()
console.error(`${target}: ${[...readdirSync(target)].join(', ')}`)

/** The folder of licenses in an unpacked wheel. */
function licensesIn(folder, start) {
  const info = readdirSync(folder).find((name) => name.startsWith(start) && name.endsWith('.dist-info'))
  return join(folder, info, 'licenses')
}

/** The licenses of what is inside of the binaries or beside them. */
function writeLicenses() {
  const info = licensesIn(dirname(mujoco), 'mujoco-')
  copyFileSync(join(info, 'LICENSE'), join(target, 'LICENSE.mujoco'))
  const text = (path) => readFileSync(path, 'utf8').trim()
  const smallest = licenses.map(text).sort((a, b) => a.length - b.length)[0]
  writeFileSync(
    join(target, 'THIRD_PARTY.md'),
    `# Third-party software in these binaries

\`${library}\` is MuJoCo, unchanged, under the Apache License 2.0: see LICENSE.mujoco. The last section lists what MuJoCo contains.

The other files are gogepo's own code, compiled with headers of node-addon-api and of LibTorch.

## node-addon-api

${text(at('node_modules', 'node-addon-api', 'LICENSE.md'))}

## LibTorch

${smallest}

## What MuJoCo contains

${text(join(info, 'LICENSES_THIRD_PARTY.md'))}
`,
  )
}
