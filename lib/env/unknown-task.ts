/** What to say about the name of a task that does not exist. */
import { execFile } from 'node:child_process'
import { basename, relative } from 'node:path'
import { didYouMean, GogepoError } from '../base/errors.js'
import { quoted } from '../base/words.js'
import { findPython } from './python.js'

/** How long Python may take to list Gymnasium's tasks. */
const patience = 20_000 // milliseconds

/** Gymnasium's own tasks that are not native, for where Gymnasium is not installed yet. */
const withoutGymnasium = [
  ...['BipedalWalker-v3', 'BipedalWalkerHardcore-v3', 'CarRacing-v3', 'LunarLander-v3', 'LunarLanderContinuous-v3'],
  ...['Blackjack-v1', 'CliffWalking-v1', 'FrozenLake-v1', 'FrozenLake8x8-v1', 'Taxi-v3'],
]

/** @param known the ids of the native tasks */
export async function unknownTask(
  name: string,
  known: readonly string[],
  python: string | undefined,
): Promise<GogepoError> {
  const id = name.replace(/^(gym|gymnasium):/i, '') // for example gym:CartPole-v1
  const meant =
    didYouMean(id, known) ||
    didYouMean(
      id,
      (await registry(python)).map((id) => `gymnasium:${id}`),
      'gymnasium:',
    )
  return new GogepoError(
    'ERR_UNKNOWN_ENV',
    `Unknown task "${quoted(name)}".${meant} List the tasks with: gogepo envs. The names of Gymnasium tasks, which run in Python, begin with gymnasium:`,
  )
}

/** The ids that Gymnasium knows. */
function registry(named: string | undefined): Promise<string[]> {
  const script = 'import gymnasium; print("\\n".join(gymnasium.registry))'
  return new Promise((resolve) => {
    try {
      const options = { timeout: patience, killSignal: 'SIGKILL' as const }
      execFile(findPython(named), ['-c', script], options, (error, stdout) =>
        resolve(error ? withoutGymnasium : stdout.split('\n').filter((id) => /^[\w/.-]+$/.test(id))),
      )
    } catch {
      resolve(withoutGymnasium)
    }
  })
}

/** @throws GogepoError ERR_UNKNOWN_ENV for the path of a Python file, with the name of its task */
export function refusePythonFile(path: string): void {
  if (!/\.py$/i.test(path)) return
  const place = relative(process.cwd(), path)
  const outside = place.startsWith('..')
  const module = (outside ? basename(place) : place).replace(/\.py$/i, '').replaceAll('/', '.')
  throw new GogepoError(
    'ERR_UNKNOWN_ENV',
    `${quoted(path)} is a Python file. A task in Python is named by its module and by the id that the module registers with gymnasium.register${outside ? ', in the folder of the file' : ''}: gymnasium:${module}:<id>`,
  )
}
