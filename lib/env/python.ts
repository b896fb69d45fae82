/** Selects the interpreter for Python tasks. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The interpreter that was named, else GOGEPO_PYTHON, else that of the active virtual environment, else python3. Either
 * a path, or a command to be found on PATH.
 * @throws GogepoError ERR_PYTHON when a path that was named does not exist
 */
export function findPython(named?: string, env: Environment = process.env): string {
  for (const [from, python] of [
    ['--python', named],
    ['GOGEPO_PYTHON', env['GOGEPO_PYTHON']],
  ] as const) {
    if (!python) continue
    if (!python.includes('/')) return python
    if (existsSync(python)) return resolve(python)
    throw new GogepoError(
      'ERR_PYTHON',
      `${from} is ${python}, but there is no such file. Set it to a Python interpreter, such as .venv/bin/python, or ${from.startsWith('-') ? 'omit' : 'unset'} it.`,
    )
  }
  const active = [env['VIRTUAL_ENV'], env['CONDA_PREFIX']].flatMap((folder) =>
    folder ? [join(folder, 'bin', 'python')] : [],
  )
  return active.find((python) => existsSync(python)) ?? 'python3'
}
