// Checks everything that a release needs, continues after failures, and publishes nothing.
//   --quick   without the packed tests, which take several minutes
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { entryOf, problems } from './binaries.mjs'
import { root } from './files.mjs'

const at = (...path) => join(root, ...path)
const json = (...path) => JSON.parse(readFileSync(at(...path), 'utf8'))
const output = (command, ...args) =>
  spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).stdout?.trim() ?? ''

const { version } = json('package.json')
const folder = at('prebuilds', 'linux-x64')
const manifest = existsSync(join(folder, 'manifest.json')) ? json('prebuilds', 'linux-x64', 'manifest.json') : undefined

/** Bytes of the tarball. */
const most = 8e6

/** What the tarball contains, and nothing else. */
const expected = [
  /^(package\.json|README\.md|LICENSE|dist\/.+\.(js|d\.ts))$/,
  /^lib\/(cli\/native-tasks\.json|env\/python\/\w+\.py)$/,
  /^studies\/study\.schema\.json$/,
  /^prebuilds\/linux-x64\/(gogepo\.node|gogepo-actor\.so|gogepo-(engine|cuda)\.torch\d\.\d+\.so|libmujoco\.so\.[\d.]+|manifest\.json|LICENSE\.mujoco|THIRD_PARTY\.md)$/,
]

/** Each check returns what is wrong, in sentences. */
const checks = {
  'the versions agree'() {
    const lock = json('package-lock.json')
    return [
      ...[lock.version, lock.packages[''].version]
        .filter((other) => other !== version)
        .map((other) => `package-lock.json says ${other}, package.json ${version}`),
      ...(manifest && manifest.gogepo !== version
        ? [`the binaries were built for ${manifest.gogepo}, package.json says ${version}`]
        : []),
    ]
  },
  'the changelog has a dated entry'() {
    const heading = readFileSync(at('CHANGELOG.md'), 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`## ${version}`))
    return /, \d{4}-\d{2}-\d{2}$/.test(heading ?? '')
      ? []
      : [`CHANGELOG.md has ${heading ? `"${heading}"` : 'no entry'}; expected "## ${version}, <date>"`]
  },
  'everything is committed'() {
    return output('git', 'status', '--porcelain') === '' ? [] : ['git status shows changes']
  },
  'the binaries are those of this commit'() {
    if (!manifest) return ['prebuilds/linux-x64/manifest.json is missing: npm run prebuilt makes it']
    const wrong = Object.entries(manifest.files).flatMap(([name, entry]) => {
      const path = join(folder, name)
      if (!existsSync(path)) return [`${name} is missing`]
      return [
        ...(JSON.stringify(entryOf(path)) === JSON.stringify(entry) ? [] : [`${name} is not the file in the manifest`]),
        ...problems(path),
      ]
    })
    const head = output('git', 'rev-parse', 'HEAD')
    if (manifest.commit !== head) wrong.push(`they were built from ${manifest.commit}, HEAD is ${head}`)
    for (const name of ['LICENSE.mujoco', 'THIRD_PARTY.md'])
      if (!existsSync(join(folder, name))) wrong.push(`${name} is missing`)
    return wrong
  },
  'each pinned LibTorch has an addon'() {
    const pinned = [
      ...readFileSync(at('lib', 'install', 'pinned-wheels.ts'), 'utf8').matchAll(/^ {4}version: '(\d+\.\d+)/gm),
    ].map(([, minor]) => minor)
    return pinned
      .filter((minor) => !(`gogepo-engine.torch${minor}.so` in (manifest?.files ?? {})))
      .map((minor) => `there is none for ${minor}`)
  },
  'the tarball'() {
    const [{ files, size, entryCount }] = JSON.parse(output('npm', 'pack', '--dry-run', '--json', '--ignore-scripts'))
    const paths = files.map(({ path }) => path)
    console.log(`  ${entryCount} files, ${(size / 1e6).toFixed(2)} MB`)
    return [
      ...paths
        .filter((path) => !expected.some((pattern) => pattern.test(path)))
        .map((path) => `${path} does not belong there`),
      ...expected
        .filter((pattern) => !paths.some((path) => pattern.test(path)))
        .map((pattern) => `nothing fits ${pattern}`),
      ...paths.filter((path) => /binding\.gyp/.test(path)),
      ...(size > most ? [`it has ${size} bytes; expected at most ${most}`] : []),
    ]
  },
  'package.json names the repository, without which npm accepts no provenance'() {
    return json('package.json').repository === undefined ? ['it has no "repository"'] : []
  },
  'no install scripts'() {
    const { scripts } = json('package.json')
    return ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts)
  },
  'publint and arethetypeswrong'() {
    const tools = [
      [at('node_modules', 'publint', 'src', 'cli.js'), '--strict'],
      [
        at('node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js'),
        '--pack',
        '.',
        '--profile',
        'esm-only',
        '--no-color',
        '--no-emoji',
      ],
    ]
    return tools.flatMap((args) => {
      const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
      return status === 0 ? [] : [stdout]
    })
  },
}
if (!process.argv.includes('--quick'))
  checks['the packed tests'] = () =>
    spawnSync(process.execPath, [at('scripts', 'packed.mjs')], { stdio: 'inherit' }).status === 0 ? [] : ['see above']

for (const [name, check] of Object.entries(checks)) {
  const wrong = check()
  console.log(`${wrong.length === 0 ? 'ok' : 'not ok'} - ${name}`)
  for (const line of wrong) console.log(`  ${line}`)
  if (wrong.length > 0) process.exitCode = 1
}
