/** gymnasium:<id> and gymnasium:<module>:<id>: any task that Gymnasium can make, played in Python. */
import { statSync } from 'node:fs'
import { GogepoError } from '../base/errors.js'
import { quoted } from '../base/words.js'
import { actorLibrary } from '../native/addon.js'
import type { EnvSpec, Native, TaskOptions } from '../native/contract.js'
import { requireTaskOptions, taskOptionsJson } from './task-options.js'
import { GymnasiumRollout } from './gymnasium-rollout.js'
import { gymnasiumSteps } from './gymnasium-steps.js'
import { findPython } from './python.js'
import { PythonWorker, WorkerFailure } from './python-worker.js'
import type { Task } from './task.js'

export const gymnasiumPrefix = 'gymnasium:'

/** How long the process that described a task waits to play in its first rollout: starting another takes a while. */
const spareSeconds = 30

/** How python/worker.py describes a task that it can run. */
interface Described {
  id: string
  /** It comes with Gymnasium, rather than from another package that registers it. */
  own: boolean
  observationSize: number
  discrete: boolean
  actionSize: number
  actionLow: number[]
  actionHigh: number[]
  maxEpisodeSteps: number
  versions: Record<string, string>
  /** The path of the interpreter. */
  python: string
}
/** Why it cannot run the task. */
const refusals = ['install', 'dependency', 'unknown', 'module', 'option', 'space'] as const
interface Refusal {
  refused: (typeof refusals)[number]
  message: string
}

/**
 * @param named the interpreter
 * @param signal aborting it ends processes that are starting at once, and those that play after a short while
 * @throws GogepoError ERR_PYTHON, ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_INTERRUPTED
 */
export async function gymnasiumTask(
  native: Native,
  name: string,
  given: TaskOptions,
  { python: named, signal }: { python?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Task> {
  const options = requireTaskOptions(name, given)
  const python = findPython(named)
  const request = {
    id: name.slice(gymnasiumPrefix.length),
    options: taskOptionsJson(options),
  }
  const workers = new Set<PythonWorker>()
  const start = (): PythonWorker => {
    for (const worker of workers) if (worker.ended) workers.delete(worker)
    const worker = new PythonWorker(python, request)
    workers.add(worker)
    if (signal?.aborted) worker.interrupt()
    return worker
  }
  const interrupt = (): void => {
    for (const worker of workers) worker.interrupt()
  }
  const release = (): void => signal?.removeEventListener('abort', interrupt)
  signal?.addEventListener('abort', interrupt)
  const first = start()
  const described = await describedBy(first, name, python).catch((error: unknown) => {
    release()
    throw error
  })
  let spare: PythonWorker | undefined = first
  const takeSpare = (): PythonWorker | undefined => {
    const taken = spare
    spare = undefined
    return taken?.ended ? undefined : taken
  }
  setTimeout(() => takeSpare()?.end(), spareSeconds * 1000).unref()
  const standard = described.own ? native.envs().find(({ id }) => id === described.id) : undefined
  const spec = specOf(name, described, standard, options)
  return {
    name,
    options,
    spec,
    versions: described.versions,
    python: python.includes('/') ? python : described.python,
    rollout: (native, policy, threads) => {
      const setup = { library: actorLibrary(), paysSurvival: (standard?.survivalBonus ?? 0) !== 0, policy }
      return new GymnasiumRollout(native, policy, {
        name,
        spec,
        threads,
        start: () => takeSpare() ?? start(),
        prepare: async (worker) => {
          if (worker !== first) await describedBy(worker, name, python)
          await worker.answer(Buffer.from(JSON.stringify(setup)))
        },
        release,
      })
    },
    environment: () => {
      const worker = takeSpare() ?? start()
      const described = worker === first ? Promise.resolve() : describedBy(worker, name, python)
      return gymnasiumSteps(worker, described, spec)
    },
  }
}

/** The worker's description of the task. @throws GogepoError */
async function describedBy(worker: PythonWorker, name: string, python: string): Promise<Described> {
  try {
    const text = (await worker.answer()).toString()
    const answer = readAnswer(text)
    if (answer === undefined)
      throw new GogepoError(
        'ERR_PYTHON',
        `${name}: expected ${python} to describe the task, got "${quoted(text)}". Name a Python interpreter of version 3.10 or newer with --python or GOGEPO_PYTHON.`,
      )
    if ('refused' in answer) throw refusal(name, python, answer)
    return answer
  } catch (error) {
    worker.end()
    if (!(error instanceof WorkerFailure)) throw error
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    throw code === undefined
      ? new GogepoError('ERR_PYTHON', `${name}: ${python} could not make the task: it ${error.message}`)
      : new GogepoError(
          'ERR_PYTHON',
          `${name} runs in Python, but ${python} cannot be started: ${whyNotStarted(python, code, error.why)}. Install Python 3.10 or newer (on Debian or Ubuntu: apt install python3 python3-pip), or name one with --python or GOGEPO_PYTHON.`,
        )
  }
}

/** Nothing if the text is not what worker.py sends: a program that is no interpreter may have sent it. */
function readAnswer(text: string): Described | Refusal | undefined {
  let answer: Partial<Described & Refusal> | null
  try {
    answer = JSON.parse(text) as typeof answer
  } catch {
    return undefined
  }
  const { refused, message, observationSize, actionSize, maxEpisodeSteps, id, python, versions } = answer ?? {}
  if (refused !== undefined) return refusals.includes(refused) && isText(message) ? (answer as Refusal) : undefined
  const sizes = [observationSize, actionSize, maxEpisodeSteps].every((n) => Number.isSafeInteger(n) && n! > 0)
  const bounds = [answer?.actionLow, answer?.actionHigh].every(
    (list) => Array.isArray(list) && list.every(Number.isFinite),
  )
  const described = sizes && bounds && isText(id) && isText(python) && typeof versions === 'object' && versions !== null
  return described ? (answer as Described) : undefined
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** @param message the system's own, for what has no other words */
function whyNotStarted(python: string, code: string, message: string): string {
  const file = python.includes('/') ? statSync(python, { throwIfNoEntry: false }) : undefined
  if (file?.isDirectory()) return 'it is a folder'
  if (code === 'EACCES') return 'it is no executable file'
  if (code === 'ENOENT')
    return file === undefined ? 'there is no such command' : 'it is a script, and there is no interpreter for it'
  return message
}

/**
 * A task that also exists natively gets that task's range of returns, budget and survival bonus. Of others, only what
 * Gymnasium declares is known.
 */
function specOf(name: string, described: Described, standard: EnvSpec | undefined, options: TaskOptions): EnvSpec {
  const { observationSize, discrete, actionSize, actionLow, actionHigh, maxEpisodeSteps, versions } = described
  const bonus = options['healthy_reward']
  const standardBonus = standard?.survivalBonus ?? 0
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
    survivalBonus: standardBonus !== 0 && typeof bonus === 'number' ? bonus : standardBonus,
    trainingSteps: standard?.trainingSteps ?? 1_000_000,
    evaluateEvery: standard?.evaluateEvery ?? 10_000,
    source: `Gymnasium ${versions['gymnasium']}, in Python ${versions['python']}`,
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
        `${name} needs something that ${python} does not have: ${message}${/mujoco/i.test(message) ? ` ${install}` : ''}`,
      )
    case 'unknown':
      return new GogepoError(
        'ERR_UNKNOWN_ENV',
        `${name}: ${message} List the tasks with: ${python} -c "import gymnasium; gymnasium.pprint_registry()"`,
      )
    case 'module':
      return new GogepoError('ERR_UNKNOWN_ENV', `${name}: ${message}`)
    case 'option':
      return new GogepoError('ERR_TASK_OPTION', `${name}: ${message}`)
    case 'space':
      return new GogepoError('ERR_PYTHON', `${name} cannot be trained on: ${message}`)
  }
}
