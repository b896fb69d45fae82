/** gymnasium:<id> and gymnasium:<module>:<Id>: any task that Gymnasium can make, stepped in Python. */
import { GogepoError } from '../errors.js'
import type { EnvSpec, Native, TaskOptions } from '../native.js'
import { GymnasiumRollout } from './gymnasium-rollout.js'
import { findPython } from './python.js'
import { PythonWorker, WorkerFailure } from './python-worker.js'
import type { Task } from './task.js'

export const gymnasiumPrefix = 'gymnasium:'

/** What gymnasium-worker.py says of a task that it can run. */
interface Described {
  id: string
  /** Gymnasium's own, not one registered by somebody else. */
  own: boolean
  observationSize: number
  discrete: boolean
  actionSize: number
  actionLow: number[]
  actionHigh: number[]
  maxEpisodeSteps: number
  versions: Record<string, string>
}
/** Why there is none. */
interface Refusal {
  refused: 'install' | 'dependency' | 'unknown' | 'module' | 'option' | 'space'
  message: string
}

/** @throws GogepoError ERR_PYTHON, ERR_UNKNOWN_ENV, ERR_TASK_OPTION */
export async function gymnasiumTask(native: Native, name: string, options: TaskOptions, named?: string): Promise<Task> {
  const python = findPython(named)
  const asked = { id: name.slice(gymnasiumPrefix.length), options }
  const worker = new PythonWorker(python, { ...asked, policy: null })
  try {
    const said = JSON.parse((await worker.ask()).toString()) as Described | Refusal
    if ('refused' in said) throw refusal(name, python, said)
    const standard = said.own ? native.envs().find(({ id }) => id === said.id) : undefined
    return {
      name,
      options,
      spec: specOf(name, said, standard, options),
      versions: said.versions,
      rollout: (_engine, threads, architecture) =>
        new GymnasiumRollout(
          name,
          python,
          { ...asked, paysSurvival: (standard?.survivalBonus ?? 0) !== 0 },
          architecture,
          threads,
        ),
    }
  } catch (error) {
    if (!(error instanceof WorkerFailure)) throw error
    throw /ENOENT|EACCES/.test(error.why)
      ? new GogepoError(
          'ERR_PYTHON',
          `${name} runs in Python, and there is no ${python} that can be started. Install Python 3.10 or newer (on Debian or Ubuntu: apt install python3 python3-pip), or name one with --python or GOGEPO_PYTHON.`,
        )
      : new GogepoError('ERR_PYTHON', `${name}: ${python} could not make the task: it ${error.message}`)
  } finally {
    worker.end()
  }
}

/** A task that is native as well has its range, budget and bonus; of another nothing is known but what Gymnasium says. */
function specOf(name: string, said: Described, standard: EnvSpec | undefined, options: TaskOptions): EnvSpec {
  const { observationSize, discrete, actionSize, actionLow, actionHigh, maxEpisodeSteps } = said
  const bonus = options['healthy_reward']
  return {
    id: name.replaceAll(/[:/]/g, '-'),
    observationSize,
    actionSize,
    discrete,
    actionLow,
    actionHigh,
    returnMin: standard?.returnMin ?? NaN,
    returnMax: standard?.returnMax ?? NaN,
    maxEpisodeSteps,
    survivalBonus:
      standard === undefined || standard.survivalBonus === 0
        ? 0
        : typeof bonus === 'number'
          ? bonus
          : standard.survivalBonus,
    trainingSteps: standard?.trainingSteps ?? 1_000_000,
    evaluateEvery: standard?.evaluateEvery ?? 10_000,
    source: `Gymnasium ${said.versions['gymnasium']}, in Python ${said.versions['python']}`,
    options: [],
  }
}

function refusal(name: string, python: string, { refused, message }: Refusal): GogepoError {
  const install = `Install what is missing with: ${python} -m pip install "gymnasium[mujoco]"`
  switch (refused) {
    case 'install':
      return new GogepoError(
        'ERR_PYTHON',
        `${name} needs Gymnasium, and ${python} ${message}. ${install}, or name another Python with --python or GOGEPO_PYTHON.`,
      )
    case 'dependency':
      return new GogepoError(
        'ERR_PYTHON',
        `${name} needs what ${python} does not have: ${message}${/mujoco/i.test(message) ? ` ${install}` : ''}`,
      )
    case 'unknown':
      return new GogepoError(
        'ERR_UNKNOWN_ENV',
        `${name}: ${message} List them with: ${python} -c "import gymnasium; gymnasium.pprint_registry()"`,
      )
    case 'module':
      return new GogepoError('ERR_UNKNOWN_ENV', `${name}: ${message}`)
    case 'option':
      return new GogepoError('ERR_TASK_OPTION', `${name}: ${message}`)
    case 'space':
      return new GogepoError('ERR_PYTHON', `${name} cannot be trained on: ${message}`)
  }
}
