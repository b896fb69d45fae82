import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'

// A clone in which every program that setup would start is a stand-in that writes down its name and makes what the real one makes.
const programs: Record<string, string> = {
  npm: `if [ "$1" = ci ]; then
    echo npm >>log; mkdir -p node_modules/typescript/bin node_modules/cmake-js/bin
    cp package-lock.json node_modules/.package-lock.json; cp tsc.js node_modules/typescript/bin/tsc; cp cmake.js node_modules/cmake-js/bin/cmake-js
    echo progress
  fi; echo 10.0.0`,
  python3: 'echo "Python 3.11.2"',
  'g++': 'echo 12.2.0',
  cmake: 'echo "cmake version 3.25.1"',
  ninja: `if [ "$1" = -C ]; then sleep 0.2; echo ninja >>log; mkdir -p build/Release; touch build/Release/gogepo.node; fi; echo 1.11.1`,
}
const files = {
  'package-lock.json': JSON.stringify({
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '1.0.0', optional: true },
    },
  }),
  'package.json': '{"type":"module"}',
  'tsconfig.json': '{}',
  'tsc.js': `const fs = require('fs'); fs.appendFileSync('log', 'tsc\\n'); for (const name of ['cli', 'install']) fs.mkdirSync('dist/' + name, { recursive: true })
    if (fs.existsSync('lib/broken.ts')) process.exit(2)
    for (const name of ['install/clone', 'cli/transfer', 'cli/main', 'old']) if (fs.existsSync('lib/' + name + '.ts')) fs.writeFileSync('dist/' + name + '.js', fs.readFileSync('lib/' + name + '.ts'))`,
  'cmake.js': `const fs = require('fs'); fs.appendFileSync('log', 'cmake-js\\n'); fs.mkdirSync('build', { recursive: true }); fs.writeFileSync('build/build.ninja', process.argv.join(' '))`,
  'CMakeLists.txt': '',
  lib: {
    install: {
      'clone.ts': `const libtorch = { folder: process.env.FAKE_LIBTORCH ?? '/libtorch', version: '2.13.0' }
      export const findToBuild = () => libtorch, installToBuild = findToBuild, findMujoco = () => '/mujoco', installMujoco = findMujoco`,
    },
    'old.ts': '',
    cli: { 'main.ts': '', 'transfer.ts': 'export const transferLines = () => ({ end() {} })' },
  },
  native: { 'a.cc': '' },
  test: { native: {} },
}

function clone(t: Test): { dir: string; setup(...args: string[]): Ran; log(): string[]; env: NodeJS.ProcessEnv } {
  const dir = join(t.testdir({ 'a clone': { ...files, scripts: {}, bin: {} } }), 'a clone')
  copyFileSync(fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url)), join(dir, 'scripts', 'setup.mjs'))
  for (const [name, body] of Object.entries(programs)) program(dir, name, body)
  for (const name of ['sh', 'mkdir', 'touch', 'cp', 'sleep']) symlinkSync(which(name), join(dir, 'bin', name))
  const env: NodeJS.ProcessEnv = { PATH: join(dir, 'bin') }
  return {
    dir,
    env,
    setup(...args) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(dir, 'scripts/setup.mjs'), ...args], {
        encoding: 'utf8',
        env,
        cwd: '/',
      })
      return { status, stdout, stderr }
    },
    log() {
      const lines = existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8').trim().split('\n') : []
      rmSync(join(dir, 'log'), { force: true })
      return lines
    },
  }
}
interface Ran {
  status: number | null
  stdout: string
  stderr: string
}

function program(dir: string, name: string, body: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${body}\n`)
  chmodSync(join(dir, 'bin', name), 0o755)
}

function which(name: string): string {
  return spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
}

test('does what is not done yet, and nothing else', async (t) => {
  const { dir, setup, log, env } = clone(t)
  t.match(setup('--quiet'), { status: 0, stdout: '', stderr: /gogepo is set up\n$/ })
  t.strictSame(log(), ['npm', 'tsc', 'cmake-js', 'ninja'])
  t.match(
    readFileSync(join(dir, 'build/build.ninja'), 'utf8'),
    '--CDGOGEPO_LIBTORCH=/libtorch --CDGOGEPO_MUJOCO=/mujoco',
  )
  t.equal(statSync(join(dir, 'dist/cli/main.js')).mode & 0o111, 0o111)

  env['PATH'] = '/nowhere' // nothing can be started, and nothing has to be
  t.strictSame(setup('--quiet'), { status: 0, stdout: '', stderr: '' })
  t.strictSame(setup(), { status: 0, stdout: '', stderr: 'gogepo is set up\n' })
  t.strictSame(log(), [])

  env['PATH'] = join(dir, 'bin')
  writeFileSync(join(dir, 'native/a.cc'), 'changed')
  t.equal(setup().status, 0)
  t.strictSame(log(), ['ninja'])

  writeFileSync(join(dir, 'lib/new.ts'), '')
  rmSync(join(dir, 'lib/old.ts'))
  t.equal(setup().status, 0)
  t.strictSame(log(), ['tsc'])
  t.notOk(existsSync(join(dir, 'dist/old.js')), 'what was compiled from a removed file is removed')

  env['FAKE_LIBTORCH'] = '/another'
  t.equal(setup().status, 0)
  t.strictSame(log(), ['cmake-js', 'ninja'])

  rmSync(join(dir, 'build/Release/gogepo.node'))
  t.equal(setup().status, 0)
  t.strictSame(log(), ['ninja'])

  writeFileSync(join(dir, 'package-lock.json'), files['package-lock.json'].replace('1.0.0', '1.0.1'))
  t.equal(setup().status, 0)
  t.match(log(), ['npm', 'tsc'])
  t.equal(setup('--build').status, 0)
  t.strictSame(log(), ['tsc', 'ninja'])
})

test('what failed is done again the next time', async (t) => {
  const { dir, setup, log } = clone(t)
  writeFileSync(join(dir, 'lib/broken.ts'), '')
  t.match(setup(), { status: 1, stderr: /TypeScript found errors/ })
  rmSync(join(dir, 'lib/broken.ts'))
  log()
  program(dir, 'ninja', 'if [ "$1" = -C ]; then exit 1; fi; echo 1.11.1')
  t.match(setup(), { status: 1, stderr: /could not be built/ })
  t.strictSame(log(), ['tsc', 'cmake-js'])
  program(dir, 'ninja', programs['ninja']!)
  t.equal(setup().status, 0)
  t.strictSame(log(), ['ninja'])
})

test('two at once: one works, the other waits and finds it done', async (t) => {
  const { dir, log, env } = clone(t)
  const both = [1, 2].map(
    () =>
      new Promise((settle) =>
        spawn(process.execPath, [join(dir, 'scripts/setup.mjs')], { env, stdio: 'ignore' }).on('close', settle),
      ),
  )
  t.strictSame(await Promise.all(both), [0, 0])
  t.strictSame(log(), ['npm', 'tsc', 'cmake-js', 'ninja'])
})

test('each missing prerequisite is one sentence: what, found what, how to get it', async (t) => {
  const { dir, setup, log } = clone(t)
  program(dir, 'g++', 'echo 11.4.0')
  program(dir, 'cmake', 'echo "cmake version 3.22.1"')
  program(dir, 'python3', 'if [ "$1" = -m ]; then exit 1; fi; echo "Python 3.12.1"')
  rmSync(join(dir, 'bin/ninja'))
  const { status, stderr } = setup()
  t.equal(status, 1)
  const lines = stderr.trim().split('\n')
  t.equal(lines.length, 4)
  t.match(lines[0], /pip is needed.*python3 found \(3\.12\.1\) has none.*apt install/)
  t.match(lines[1], /GCC 12 or newer is needed.*11\.4\.0 was found.*apt install g\+\+/)
  t.match(lines[2], /CMake 3\.25 or newer is needed.*3\.22\.1 was found/)
  t.match(lines[3], /Ninja is needed.*not found.*apt install ninja-build/)
  t.strictSame(log(), [], 'and nothing was started')
})
