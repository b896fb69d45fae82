// Lint, and the house's import rules for lib/: who may import whom. A room is a file lib/<room>.ts or a folder lib/<room>/.
import { dirname, relative, resolve } from 'node:path'
import tseslint from 'typescript-eslint'

const lib = resolve(import.meta.dirname, 'lib')

// Leaves may be imported by all, and import leaves only; the doors are imported by nobody. What each other room may import besides
// leaves; one that is not listed may import all but the doors.
const leaves = ['arguments', 'errors', 'files', 'memory', 'statistics', 'stopwatch', 'version']
const doors = ['cli', 'dashboard']
const rooms = {
  wheels: [],
  libtorch: ['wheels'],
  loader: ['libtorch'],
  cuda: ['libtorch'],
  engine: ['cuda', 'libtorch', 'loader'],
  native: ['cuda', 'engine', 'loader'],
  safetensors: [],
  config: [],
  command: ['history'],
  history: [],
  report: [],
  normalizer: ['native'],
  'task-options': ['native'],
  env: ['native'],
  architecture: ['config', 'native'],
  learner: ['env', 'history', 'native', 'safetensors'],
  gogepo: ['architecture', 'command', 'config', 'env', 'gogepo-state', 'history', 'learner', 'native', 'normalizer'],
  'gogepo-state': ['gogepo', 'learner', 'native', 'normalizer', 'safetensors'],
  baselines: ['config', 'history', 'learner', 'native', 'normalizer', 'safetensors'],
  policy: ['native', 'safetensors'],
  checkpoint: ['learner', 'safetensors'],
  'run-store': ['checkpoint', 'config', 'loader', 'native', 'report', 'task-options'],
  training: ['report', 'run'],
  doctor: ['config', 'cuda', 'engine', 'env', 'gogepo', 'libtorch', 'loader', 'native'],
  trainer: ['checkpoint', 'config', 'history', 'learner', 'report', 'run-store'],
}

// Packages, each wanted in few places.
const packages = { commander: ['cli'], picocolors: ['cli', 'report'], 'node-gyp-build': ['loader'], jiti: ['env'] }

const importRules = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const room = roomOf(context.filename)
    function check(node) {
      const source = node.source?.value
      if (typeof source !== 'string' || source.startsWith('node:')) return
      if (!source.startsWith('.')) {
        const name = source
          .split('/')
          .slice(0, source.startsWith('@') ? 2 : 1)
          .join('/')
        if (!packages[name]?.includes(room))
          context.report({ node, message: `lib/${room} may not import the package ${name}` })
        return
      }
      const imported = roomOf(resolve(dirname(context.filename), source))
      if (imported === room || leaves.includes(imported)) return
      if (imported === '..') context.report({ node, message: `lib/${room} may not import what lies outside of lib/` })
      else if (
        leaves.includes(room) ||
        (rooms[room] ? !rooms[room].includes(imported) : doors.includes(imported) && !doors.includes(room))
      )
        context.report({ node, message: `lib/${room} may not import lib/${imported}` })
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    }
  },
}

function roomOf(path) {
  return relative(lib, path)
    .split('/')[0]
    .replace(/\.[jt]s$/, '')
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
    plugins: { house: { rules: { imports: importRules } } },
    rules: { 'house/imports': 'error' },
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
