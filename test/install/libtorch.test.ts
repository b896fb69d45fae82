import { join } from 'node:path'
import { test } from 'tap'
import type { GogepoError } from '../../lib/base/errors.js'
import { cacheFolder } from '../../lib/install/cache.js'
import {
  findLibtorch as find,
  listed,
  searchLibtorch as search,
  type Libtorch,
  type SearchedPlace,
  type Wanted,
} from '../../lib/install/libtorch.js'
import { findMujoco } from '../../lib/install/mujoco.js'

type Env = Record<string, string>
const wanted: Wanted = { minors: ['2.11', '2.13'], headers: false }
const findLibtorch = (named?: string, env?: Env): Libtorch => find(named, env, wanted)
const searchLibtorch = (named?: string, env?: Env): { libtorch: Libtorch | undefined; places: SearchedPlace[] } =>
  search(named, env, wanted)

interface Folder {
  [name: string]: string | Folder
}
// Functions, since tap takes an object that occurs twice for a cycle.
const lib = (): Folder => ({ 'libtorch_cpu.so': '', 'libc10.so': '' })
const wheel = (version: string): Folder => ({ lib: lib(), 'version.py': `__version__ = '${version}'\n` })
const archive = (version: string): Folder => ({ lib: lib(), 'build-version': `${version}\n` })
const cached = (): Folder => ({ libtorch: { '2.13.0+cu130': { torch: wheel('2.13.0+cpu') } } })

function failure(call: () => unknown): Partial<GogepoError> {
  try {
    call()
  } catch (error) {
    return error as GogepoError
  }
  return {}
}

test('a LibTorch is known by its libraries and its version, wherever the path points into it', async (t) => {
  const dir = t.testdir({ wheel: { torch: wheel('2.13.0+cpu') }, archive: archive('2.13.1+cpu') })
  const torch = join(dir, 'wheel', 'torch')
  for (const path of [torch, join(dir, 'wheel'), join(torch, 'lib')])
    t.strictSame(findLibtorch(path, {}), { folder: torch, version: '2.13.0+cpu', minor: '2.13', cuda: false })
  t.match(findLibtorch(join(dir, 'archive'), {}), {
    folder: join(dir, 'archive'),
    version: '2.13.1+cpu',
    minor: '2.13',
  })
})

test('the order: the option, GOGEPO_LIBTORCH, LIBTORCH, the active Python environment, the cache', async (t) => {
  const python = (): Folder => ({ lib: { 'python3.11': { 'site-packages': { torch: wheel('2.13.0+cpu') } } } })
  const dir = t.testdir({
    a: archive('2.13.0'),
    b: archive('2.13.0'),
    c: archive('2.13.0'),
    venv: python(),
    conda: python(),
    cache: cached(),
  })
  const env: Record<string, string> = {
    GOGEPO_LIBTORCH: join(dir, 'b'),
    LIBTORCH: join(dir, 'c'),
    VIRTUAL_ENV: join(dir, 'venv'),
    CONDA_PREFIX: join(dir, 'conda'),
    GOGEPO_CACHE: join(dir, 'cache'),
  }
  const torch = (environment: string) => join(dir, environment, 'lib/python3.11/site-packages/torch')
  t.equal(findLibtorch(join(dir, 'a'), env).folder, join(dir, 'a'))
  for (const [variable, folder] of [
    ['GOGEPO_LIBTORCH', join(dir, 'b')],
    ['LIBTORCH', join(dir, 'c')],
    ['VIRTUAL_ENV', torch('venv')],
    ['CONDA_PREFIX', torch('conda')],
    ['GOGEPO_CACHE', join(dir, 'cache/libtorch/2.13.0+cu130/torch')],
  ] as const) {
    t.equal(findLibtorch(undefined, env).folder, folder)
    delete env[variable]
  }
})

test('a Python environment that cannot serve is passed over, and said', async (t) => {
  const python = (packages: Folder) => ({ lib: { 'python3.12': { 'site-packages': packages } } })
  const dir = t.testdir({
    none: python({}),
    old: python({ torch: wheel('2.4.1+cu121') }),
    bare: python({ torch: wheel('2.13.0+cu130') }),
    whole: python({
      torch: wheel('2.13.0+cu130'),
      nvidia: { cu13: { lib: { 'libcudart.so.13': '', 'libcupti.so.13': '' } } },
    }),
    cache: cached(),
  })
  const look = (environment: string) => {
    const { libtorch, places } = searchLibtorch(undefined, {
      VIRTUAL_ENV: join(dir, environment),
      GOGEPO_CACHE: join(dir, 'cache'),
    })
    return { folder: libtorch?.folder ?? '', found: places.find(({ from }) => from === 'VIRTUAL_ENV')?.found ?? '' }
  }
  for (const [environment, found] of [
    ['none', 'no torch'],
    ['old', 'LibTorch 2.4.1+cu121'],
    ['bare', 'without libcudart.so.13'],
  ] as const) {
    t.match(look(environment).folder, join(dir, 'cache'))
    t.match(look(environment).found, found)
  }
  t.match(look('whole').folder, join(dir, 'whole'))
})

test('a LibTorch that was named and cannot serve is an error, whatever else there is', async (t) => {
  const dir = t.testdir({
    old: archive('2.9.0+cpu'),
    empty: {},
    half: { lib: { 'libtorch_cpu.so': '' } },
    nameless: { lib: lib() },
    cache: cached(),
  })
  const env = { GOGEPO_CACHE: join(dir, 'cache') }
  for (const [name, code, message] of [
    [
      'old',
      'ERR_LIBTORCH_VERSION',
      /GOGEPO_LIBTORCH is .*old.*LibTorch 2\.9\.0\+cpu.*works with LibTorch 2\.11 or 2\.13/,
    ],
    ['empty', 'ERR_LIBTORCH_NOT_FOUND', /no lib\/libtorch_cpu\.so/],
    ['half', 'ERR_LIBTORCH_NOT_FOUND', /libc10\.so is missing/],
    ['nameless', 'ERR_LIBTORCH_NOT_FOUND', /neither version\.py nor build-version/],
    ['absent', 'ERR_LIBTORCH_NOT_FOUND', /does not exist/],
  ] as const)
    t.match(
      failure(() => findLibtorch(undefined, { ...env, GOGEPO_LIBTORCH: join(dir, name) })),
      { code, message },
    )
  t.match(
    failure(() => findLibtorch(join(dir, 'empty'), env)),
    { message: /option libtorch .*empty/ },
  )
})

test('none at all: each place looked at, then the one command', async (t) => {
  const dir = t.testdir({ venv: { lib: {} } })
  const error = failure(() =>
    findLibtorch(undefined, { VIRTUAL_ENV: join(dir, 'venv'), GOGEPO_CACHE: join(dir, 'cache') }),
  )
  t.equal(error.code, 'ERR_LIBTORCH_NOT_FOUND')
  const [first, ...places] = error.message!.split('\n')
  t.match(first, /2\.11 or 2\.13/)
  t.strictSame(places.slice(0, -1), [
    '  the option libtorch: not set',
    '  GOGEPO_LIBTORCH: not set',
    '  LIBTORCH: not set',
    `  VIRTUAL_ENV (${join(dir, 'venv')}): no torch in this environment`,
    '  CONDA_PREFIX: not set',
    `  the cache (${join(dir, 'cache/libtorch')}): empty`,
  ])
  t.match(places.at(-1), /npm run setup$/)
})

test('MuJoCo: beside the engine, where GOGEPO_MUJOCO says, or in the cache', async (t) => {
  const library = (): Folder => ({ 'libmujoco.so.3.14.0': '' })
  const dir = t.testdir({
    beside: library(),
    named: library(),
    cache: { mujoco: { '3.14.0': { mujoco: library() } } },
    empty: {},
  })
  const env = { GOGEPO_CACHE: join(dir, 'cache') }
  t.equal(findMujoco(join(dir, 'beside'), { ...env, GOGEPO_MUJOCO: join(dir, 'named') }), join(dir, 'named'))
  t.equal(findMujoco(join(dir, 'beside'), env), join(dir, 'beside'))
  t.equal(findMujoco(join(dir, 'empty'), env), join(dir, 'cache/mujoco/3.14.0/mujoco'))
  t.match(
    failure(() => findMujoco(join(dir, 'beside'), { GOGEPO_MUJOCO: join(dir, 'empty') })),
    { code: 'ERR_SETUP', message: /GOGEPO_MUJOCO is/ },
  )
  t.match(
    failure(() => findMujoco(undefined, { GOGEPO_CACHE: join(dir, 'empty') })),
    { code: 'ERR_SETUP', message: /npm run setup$/ },
  )
})

test('the cache folder', async (t) => {
  t.equal(cacheFolder({ GOGEPO_CACHE: '/x', XDG_CACHE_HOME: '/y' }), '/x')
  t.equal(cacheFolder({ XDG_CACHE_HOME: '/y' }), '/y/gogepo')
  t.match(cacheFolder({}), /\.cache\/gogepo$/)
})

test('a LibTorch without an addon is passed over when it is found, and refused when it is named', async (t) => {
  const dir = t.testdir({
    venv: { lib: { 'python3.12': { 'site-packages': { torch: wheel('2.12.0+cpu') } } } },
    named: archive('2.12.0'),
    cache: { libtorch: { '2.12.1-cpu': { torch: wheel('2.12.1+cpu') }, '2.11.0-cpu': { torch: wheel('2.11.0+cpu') } } },
  })
  const env = { VIRTUAL_ENV: join(dir, 'venv'), GOGEPO_CACHE: join(dir, 'cache') }
  t.match(searchLibtorch(undefined, env), {
    libtorch: { folder: join(dir, 'cache/libtorch/2.11.0-cpu/torch') },
    places: [{}, {}, {}, { from: 'VIRTUAL_ENV', found: /2\.12\.0\+cpu, which there is no addon for/ }],
  })
  for (const variable of ['GOGEPO_LIBTORCH', 'LIBTORCH'])
    t.match(
      failure(() => searchLibtorch(undefined, { ...env, [variable]: join(dir, 'named') })),
      { code: 'ERR_LIBTORCH_VERSION', message: /LibTorch 2\.12\.0.*works with LibTorch 2\.11 or 2\.13/ },
    )
})

test('of several in the cache: the version that setup fetches, then with CUDA, then the newest', async (t) => {
  const folders = ['2.13.0-cpu', '2.13.0-cuda', '2.13.1-cpu', '2.11.0-cuda', '.part-host-1']
  const dir = t.testdir({
    libtorch: Object.fromEntries(folders.map((name) => [name, { torch: wheel(`${name.slice(0, 6)}+cpu`) }])),
  })
  const { rmSync } = await import('node:fs')
  for (const name of ['2.13.0-cuda', '2.13.0-cpu', '2.11.0-cuda', '2.13.1-cpu']) {
    t.equal(findLibtorch(undefined, { GOGEPO_CACHE: dir }).folder, join(dir, 'libtorch', name, 'torch'))
    rmSync(join(dir, 'libtorch', name), { recursive: true })
  }
})

test('to build with, it needs headers', async (t) => {
  const dir = t.testdir({ without: archive('2.13.0'), with: { ...archive('2.13.0'), include: { torch: {} } } })
  const toBuild = { ...wanted, headers: true }
  t.match(
    failure(() => find(join(dir, 'without'), {}, toBuild)),
    { code: 'ERR_LIBTORCH_NOT_FOUND', message: /without include/ },
  )
  t.equal(find(join(dir, 'with'), {}, toBuild).folder, join(dir, 'with'))
})

test('a list of versions in words', async (t) => {
  t.strictSame([['2.11'], ['2.11', '2.13', '2.14']].map(listed), ['2.11', '2.11, 2.13 or 2.14'])
})
