// Sets up a clone: node modules, dist/, LibTorch and MuJoCo, build/. Does only what is missing or out of date. Uses
// plain Node, because it runs before node modules are installed. Concurrent runs wait for each other. All output goes
// to standard error.
//   --quiet   no output if there is nothing to do
//   --build   run the compilers even if nothing seems to have changed
//   --typescript   only the node modules and dist/
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...path) => join(root, ...path)
const quiet = process.argv.includes('--quiet')
const stampFile = at('build', 'setup.json')
const typescriptSources = ['lib', 'tsconfig.json', 'package-lock.json']
const nativeSources = ['native', 'CMakeLists.txt']
const again = process.argv.includes('--build')
const onlyTypescript = process.argv.includes('--typescript')

class Unable extends Error {}

try {
  checkNode()
  if (again || !(await isReady())) {
    await alone()
    const done = readStamp()
    // Check again under the lock: the process we waited for may have done it all.
    if (!modulesFit()) installModules()
    if (again || !typescriptFits(done)) await compile(done)
    if (onlyTypescript) process.exit(0)
    const { installToBuild, installMujoco } = await import(pathToFileURL(at('dist', 'install', 'clone.js')))
    const { transferLines } = await import(pathToFileURL(at('dist', 'cli', 'transfer.js')))
    const lines = transferLines(process.stderr)
    const how = { progress: lines.progress, waiting: () => say('Waiting for another setup') }
    const found = { libtorch: await installToBuild(how), mujoco: await installMujoco(how) }
    lines.end()
    if (again || !nativeFits(done, found)) build(done, found)
    say('gogepo is set up')
  } else if (!quiet) say('gogepo is set up')
  process.exit(0) // the lock's socket would keep the process alive
} catch (error) {
  // Expected errors print their message; only unexpected ones print a stack trace.
  say(error instanceof Unable || error.name === 'GogepoError' ? error.message : error.stack)
  process.exit(1)
}

async function isReady() {
  const done = readStamp()
  if (!modulesFit() || !typescriptFits(done)) return false
  if (onlyTypescript) return true
  const { findToBuild, findMujoco } = await import(pathToFileURL(at('dist', 'install', 'clone.js')))
  const found = findToBuild()
  if (!found) return false
  try {
    return nativeFits(done, { libtorch: found, mujoco: findMujoco() })
  } catch {
    return false
  }
}

// --- what is up to date
// -----------------------------------------------------------------------------------------------------------

function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'))
    return stamp.root === root ? stamp : {} // rebuild a copied clone: CMake's build folders cannot be moved
  } catch {
    return {}
  }
}

function writeStamp(done) {
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, `${JSON.stringify({ ...done, root }, null, 2)}\n`)
}

// npm records what it installed in node_modules/.package-lock.json; the same packages in the same versions are
// sufficient.
function modulesFit() {
  const installed = at('node_modules', '.package-lock.json')
  if (!existsSync(installed)) return false
  const wanted = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || have[path]?.version === version,
  )
}

function typescriptFits(done) {
  return done.lib === lookOf(typescriptSources) && existsSync(at('dist', 'install', 'clone.js'))
}

function nativeFits(done, { libtorch, mujoco }) {
  return (
    done.native === lookOf(nativeSources) &&
    done.libtorch === libtorch.folder &&
    done.mujoco === mujoco &&
    done.outputs.length > 0 &&
    done.outputs.every((path) => existsSync(at(path)))
  )
}

// A hash of the names, sizes and modification times of all files below some paths.
function lookOf(paths) {
  const hash = createHash('sha256')
  const look = (path) => {
    const stat = statSync(at(path))
    if (stat.isDirectory()) for (const name of readdirSync(at(path)).sort()) look(join(path, name))
    else hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
  }
  for (const path of paths) look(path)
  return hash.digest('hex')
}

// --- steps
// ------------------------------------------------------------------------------------------------------------

function installModules() {
  checkPrograms()
  say('Installing node modules')
  run(
    'npm',
    ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
    'npm ci failed: fix the problem shown above, then run the same command again.',
  )
}

async function compile(done) {
  const lib = lookOf(typescriptSources) // hashed first: edits during compilation trigger another one next time
  say('Compiling lib/')
  run(
    process.execPath,
    [at('node_modules', 'typescript', 'bin', 'tsc'), '--project', root],
    'TypeScript found errors: see above.',
  )
  removeStale(at('dist'))
  const main = at('dist', 'cli', 'main.js')
  if (existsSync(main)) chmodSync(main, 0o755)
  done.lib = lib
  writeStamp(done)
}

// Deletes compiled files whose source is gone.
function removeStale(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const source = at('lib', relative(at('dist'), path).replace(/(\.d\.ts|\.js)$/, '.ts'))
    if (!existsSync(source)) rmSync(path, { recursive: true })
    else if (entry.isDirectory()) removeStale(path)
  }
}

function build(done, { libtorch, mujoco }) {
  checkPrograms()
  const native = lookOf(nativeSources)
  const configured =
    done.libtorch === libtorch.folder && done.mujoco === mujoco && existsSync(at('build', 'build.ninja'))
  if (!configured) {
    say(`Configuring for LibTorch ${libtorch.version} in ${libtorch.folder}`)
    if (done.root === undefined)
      for (const name of ['CMakeCache.txt', 'CMakeFiles']) rmSync(at('build', name), { recursive: true, force: true })
    run(
      process.execPath,
      [
        ...[
          at('node_modules', 'cmake-js', 'bin', 'cmake-js'),
          'configure',
          '-l',
          'error',
          '-d',
          root,
          '-O',
          at('build'),
          '-B',
          'Release',
          '-G',
          'Ninja',
        ],
        ...[
          `--CDGOGEPO_LIBTORCH=${libtorch.folder}`,
          `--CDGOGEPO_MUJOCO=${mujoco}`,
          `--CDCMAKE_CXX_COMPILER=${compiler()}`,
        ],
      ],
      'CMake could not configure the build: see its message above.',
      { onlyIfItFails: true },
    )
    Object.assign(done, { libtorch: libtorch.folder, mujoco })
    writeStamp({ ...done, native: undefined })
  }
  say('Building the addon')
  run(
    'ninja',
    ['-C', at('build'), '-k', '0', '-j', String(availableParallelism())],
    'The addon could not be built: see the message above.',
  )
  const outputs = readdirSync(at('build', 'Release'))
    .filter((name) => /\.(node|so)$/.test(name))
    .map((name) => join('build', 'Release', name))
  Object.assign(done, { native, outputs })
  writeStamp(done)
}

function run(command, args, failure, { onlyIfItFails = false } = {}) {
  const stdio = onlyIfItFails ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2]
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio,
    env: { ...process.env, CXX: compiler() },
  })
  if (onlyIfItFails && status !== 0) process.stderr.write(`${stdout}${stderr}`)
  if (error) throw new Unable(`${command} could not be started: ${error.message}.`)
  if (status !== 0) throw new Unable(failure)
}

// Takes a lock that is held until this process ends, however it ends: an abstract socket leaves no file behind.
async function alone() {
  const name = `\0gogepo-setup-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`
  for (let said = false; ; said = true) {
    const error = await new Promise((settle) =>
      createServer()
        .once('error', settle)
        .listen(name, () => settle()),
    )
    if (!error) return
    if (error.code !== 'EADDRINUSE') throw error
    if (!said) say('Waiting for another setup of this clone')
    await new Promise((settle) =>
      connect(name)
        .on('error', () => {})
        .on('close', settle)
        .resume(),
    )
  }
}

// --- prerequisites ---------------------------------------------------------------------------------------------

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new Unable(
      `Node 20.19 or newer is needed, but this is ${process.versions.node}: get it from your package manager or nodejs.org.`,
    )
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Unable(`gogepo runs only on Linux x86-64 for now, but this is ${process.platform} ${process.arch}.`)
}

function compiler() {
  return process.env.CXX || 'g++'
}

function checkPrograms() {
  const version = (command, ...args) => {
    const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
    return status === 0 ? stdout.trim() : undefined
  }
  const numbers = (text) => /\d+(\.\d+)*/.exec(text ?? '')?.[0]
  const atLeast = (found, needed) => found !== undefined && found.localeCompare(needed, 'en', { numeric: true }) >= 0
  const found = (text) => (text === undefined ? 'it was not found' : `${text} was found`)

  const missing = []
  if (!numbers(version('npm', '--version'))) missing.push('npm is needed, but it was not found: it comes with Node.')
  const python = numbers(version('python3', '--version'))
  if (!atLeast(python, '3.9'))
    missing.push(
      `Python 3.9 or newer is needed to download LibTorch, but ${found(python)}: on Debian or Ubuntu, apt install python3 python3-pip.`,
    )
  else if (!version('python3', '-m', 'pip', '--version'))
    missing.push(
      `pip is needed to download LibTorch, but the python3 found (${python}) has none: on Debian or Ubuntu, apt install python3-pip.`,
    )
  const gcc = numbers(version(compiler(), '-dumpfullversion'))
  if (!atLeast(gcc, '12'))
    missing.push(
      `GCC 12 or newer is needed, but ${found(gcc && `${compiler()} ${gcc}`)}: on Debian or Ubuntu, apt install g++, or set CXX to a newer one.`,
    )
  const cmake = numbers(version('cmake', '--version'))
  if (!atLeast(cmake, '3.25'))
    missing.push(
      `CMake 3.25 or newer is needed, but ${found(cmake)}: on Debian or Ubuntu, apt install cmake, or pip install cmake.`,
    )
  const ninja = numbers(version('ninja', '--version'))
  if (!ninja)
    missing.push(
      'Ninja is needed, but it was not found: on Debian or Ubuntu, apt install ninja-build, or pip install ninja.',
    )
  if (missing.length > 0) throw new Unable(missing.join('\n'))
}

function say(text) {
  process.stderr.write(`${text}\n`)
}
