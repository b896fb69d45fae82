// Virtual environments with packages from PyPI, each made once and kept in the project's cache.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../lib/install/cache.js'

/** The interpreter of a virtual environment that has these packages. */
export function pythonWith(packages: readonly string[]): string {
  const folder = join(cacheFolder(), 'test-python', packages.join('-').replaceAll(/[^\w.]+/g, '-'))
  const python = join(folder, 'bin', 'python')
  if (existsSync(python)) return python
  const part = `${folder}.part-${process.pid}`
  mkdirSync(dirname(folder), { recursive: true })
  run('-m', 'venv', '--without-pip', part) // Debian's Python has none to give
  const [version] = readdirSync(join(part, 'lib')).filter((name) => name.startsWith('python3'))
  run(
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--target',
    join(part, 'lib', version!, 'site-packages'),
    ...packages,
  )
  try {
    renameSync(part, folder)
  } catch (error) {
    if (!existsSync(python)) throw error // else another test made it meanwhile
    rmSync(part, { recursive: true })
  }
  return python
}

function run(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`python3 ${args.join(' ')}:\n${stdout}${stderr}`)
}

/** What a program in Python prints as JSON, given JSON on its standard input. */
export function askPython<T>(python: string, program: string, input: unknown): T {
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`${program}\n${stdout}${stderr}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as T
}
