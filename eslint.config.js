// Lint rules, among them the architecture of lib/: who may import whom, and no import cycles.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import tseslint from 'typescript-eslint'
import ts from 'typescript'

const lib = resolve(import.meta.dirname, 'lib')

// What each folder of lib/ may import, types included. A folder that is not listed may import nothing. Nothing may import cli.
const allowed = {
  base: [],
  settings: ['base'],
  install: ['base'],
  native: ['install', 'base'],
  env: ['native', 'base'],
  policy: ['env', 'native', 'base'],
  algorithms: ['native', 'settings', 'base'],
  train: ['algorithms', 'env', 'native', 'settings', 'base'],
  report: ['train', 'base'],
  run: ['train', 'algorithms', 'env', 'policy', 'report', 'native', 'settings', 'base'],
  study: ['run', 'train', 'algorithms', 'env', 'report', 'native', 'settings', 'base'],
  executor: ['base'],
  figure: ['study', 'run', 'native', 'base'],
  page: ['figure', 'study', 'run', 'train', 'algorithms', 'env', 'base'],
  doctor: ['train', 'algorithms', 'env', 'native', 'install', 'base'],
  cli: [
    'page',
    'figure',
    'executor',
    'study',
    'run',
    'doctor',
    'report',
    'train',
    'algorithms',
    'env',
    'native',
    'install',
    'settings',
    'base',
  ],
  'index.ts': [
    'figure',
    'study',
    'run',
    'report',
    'train',
    'algorithms',
    'env',
    'policy',
    'native',
    'settings',
    'base',
  ],
}

// Packages that each folder may import, besides Node's own modules.
const packages = {
  base: ['undici'],
  cli: ['commander'],
  report: ['picocolors'],
  env: ['jiti'],
  study: ['jiti'],
  figure: ['vega', 'vega-lite'],
  install: ['undici', 'yauzl'],
}

/** The folder of lib/ that a file is in; a file of lib/ itself is its own. */
const folderOf = (path) => relative(lib, path).split('/')[0]

/** The file that a relative import names. */
const fileOf = (importer, source) => resolve(dirname(importer), source).replace(/\.js$/, '.ts')

/** Calls `check` with each import and re-export of a file that names a module. */
const onImports = (check) => {
  const visit = (node) => typeof node.source?.value === 'string' && check(node, node.source.value)
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
    TSImportType: visit,
  }
}

const imports = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const folder = folderOf(context.filename)
    return onImports((node, source) => {
      if (source.startsWith('node:')) return
      const refuse = (what) => context.report({ node, message: `lib/${folder} may not import ${what}` })
      if (!source.startsWith('.')) {
        const name = source.split('/', source.startsWith('@') ? 2 : 1).join('/')
        if (!packages[folder]?.includes(name)) refuse(`the package ${name}`)
        return
      }
      const imported = folderOf(fileOf(context.filename, source))
      if (imported === '..') refuse('what is outside of lib/')
      else if (imported !== folder && !allowed[folder]?.includes(imported)) refuse(`lib/${imported}`)
    })
  },
}

/** Each file of lib/ with the files that it imports, types included. */
let importsOf
function readImports() {
  const files = readdirSync(lib, { recursive: true }).filter((name) => name.endsWith('.ts'))
  return new Map(
    files.map((name) => {
      const path = join(lib, name)
      const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'), true, true)
      const local = importedFiles.map(({ fileName }) => fileName).filter((source) => source.startsWith('.'))
      return [path, local.map((source) => fileOf(path, source))]
    }),
  )
}

/** The files from one to another along imports, both included; undefined where there is no such path. */
function pathBetween(from, to) {
  const paths = [[from]]
  const seen = new Set([from])
  for (const path of paths) {
    if (path.at(-1) === to) return path
    for (const next of importsOf.get(path.at(-1)) ?? [])
      if (!seen.has(next)) {
        seen.add(next)
        paths.push([...path, next])
      }
  }
  return undefined
}

const cycles = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    importsOf ??= readImports()
    return onImports((node, source) => {
      if (!source.startsWith('.')) return
      const path = pathBetween(fileOf(context.filename, source), context.filename)
      if (path === undefined) return
      const names = [context.filename, ...path].map((file) => relative(lib, file))
      context.report({ node, message: `an import cycle: ${names.join(' → ')}` })
    })
  },
}

export default tseslint.config(
  { ignores: ['dist/', 'docs/api/', 'build/', 'prebuilds/', 'runs/', '.tap/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: ['./test/tsconfig.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'], // a using declaration disposes too early otherwise
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off', // with noUncheckedIndexedAccess, the way to say that an index is in range
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    plugins: { architecture: { rules: { imports, cycles } } },
    rules: { 'architecture/imports': 'error', 'architecture/cycles': 'error' },
  },
  {
    files: ['lib/cli/**/*.ts', 'lib/doctor/exercise.ts', 'lib/report/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' }, // tap keeps its tests itself
  },
  {
    files: ['test/types.ts'],
    rules: { '@typescript-eslint/no-unused-vars': 'off' }, // what is only used as a type is what it tests
  },
)
