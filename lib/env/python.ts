/** Which Python runs a task in Python. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GogepoError } from '../base/errors.js'

type Environment = Readonly<Record<string, string | undefined>>

/** The interpreter named, GOGEPO_PYTHON, that of the active virtual environment, or python3: a path, or a command to be looked for on PATH. */
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
      `${from} is ${python}, and there is no such file. Name a Python interpreter, such as .venv/bin/python, or leave ${from} out.`,
    )
  }
  const active = [env['VIRTUAL_ENV'], env['CONDA_PREFIX']].flatMap((folder) =>
    folder ? [join(folder, 'bin', 'python')] : [],
  )
  return active.find((python) => existsSync(python)) ?? 'python3'
}
