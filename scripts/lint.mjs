// Runs all linters, continues after failures, and exits with 1 if any of them found something.
//   --format   formats all files instead
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, sourceFiles } from './files.mjs'

const program = (...path) => join(root, 'node_modules', ...path)
const node = (...args) => ({ command: process.execPath, args })
const prettier = program('prettier', 'bin', 'prettier.cjs')
const clangFormat = program('clang-format-node', 'bin', 'cfn-linux-x64', 'clang-format')
const nativeFiles = () => sourceFiles('.cc', '.h').map((path) => join(root, path))

/** Each linter's name, and the command to run at the root. scripts/test.mjs counts each as a test. */
export const linters = () => [
  { name: 'eslint', ...node(program('eslint', 'bin', 'eslint.js'), '.') },
  { name: 'prettier', ...node(prettier, '--check', '--log-level', 'warn', '.') },
  { name: 'clang-format', command: clangFormat, args: ['--dry-run', '-Werror', ...nativeFiles()] },
  { name: 'spelling', ...node(program('cspell', 'bin.mjs'), 'lint', '--no-progress', '--quiet') },
  { name: 'prose', ...node(join(root, 'scripts', 'lint-prose.mjs')) },
  {
    name: 'exported names are documented',
    // Links to sources need git with a known remote.
    ...node(program('typedoc', 'bin', 'typedoc'), '--emit', 'none', '--logLevel', 'Warn', '--disableSources'),
  },
]

const formatters = () => [
  { name: 'prettier', ...node(prettier, '--write', '--log-level', 'warn', '.') },
  { name: 'clang-format', command: clangFormat, args: ['-i', ...nativeFiles()] },
]

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { name, command, args } of process.argv.includes('--format') ? formatters() : linters()) {
    const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
    if (error) console.error(`${command}: ${error.message}`)
    if (status === 0) continue
    console.error(`not ok - ${name}`)
    process.exitCode = 1
  }
