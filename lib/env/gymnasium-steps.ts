/** A Gymnasium task that is stepped from here, one message per step. python/gogepo_stepper.py is the other end. */
import { GogepoError } from '../base/errors.js'
import type { EnvSpec } from '../native/contract.js'
import type { Environment, Observation } from './environment.js'
import { WorkerFailure, type PythonWorker } from './python-worker.js'

type Values = (number | string)[] // numbers that JSON cannot hold are text

interface Space {
  low: Values
  high: Values
  shape: number[]
}
interface Observed {
  observation: Values
  /** Its array was of single precision, or less. */
  single: boolean
}
interface Step extends Observed {
  reward: number | string
  terminated: boolean
  truncated: boolean
}

/**
 * @param described when the worker has described the task
 * @throws GogepoError ERR_PYTHON
 */
export async function gymnasiumSteps(
  worker: PythonWorker,
  described: Promise<unknown>,
  { discrete, actionSize, actionLow, actionHigh, maxEpisodeSteps, survivalBonus }: EnvSpec,
): Promise<Environment> {
  const ask = async <T>(request: object, isAnswer: (answer: Partial<T>) => boolean): Promise<T> => {
    try {
      const answer = readAnswer<T>((await worker.answer(Buffer.from(JSON.stringify(request)))).toString())
      if (typeof answer.threw === 'string') throw new TaskError(answer.threw)
      if (!isAnswer(answer)) throw worker.refuse()
      return answer as T
    } catch (error) {
      if (error instanceof WorkerFailure) throw new GogepoError('ERR_PYTHON', `The Python process ${error.message}`)
      throw error
    }
  }
  await described
  const { low, high, shape } = await ask<Space>({ steps: true }, ({ low, high, shape }) =>
    [low, high, shape].every(Array.isArray),
  )
  return {
    observationSpace: { low: numbers(low), high: numbers(high), shape: shape.length === 0 ? [1] : shape },
    actionSpace: discrete ? { n: actionSize } : { low: actionLow, high: actionHigh },
    timeLimit: maxEpisodeSteps,
    survivalBonus,
    reset: async (seed) => {
      return arrayOf(await ask<Observed>({ reset: seed }, isObserved))
    },
    step: async (action) => {
      const made = await ask<Step>({ step: typeof action === 'number' ? action : [...action] }, isStep)
      const { terminated, truncated } = made
      return { observation: arrayOf(made), reward: Number(made.reward), terminated, truncated }
    },
    close: () => worker.end(),
  }
}

/** Empty where the text holds nothing: something else than gogepo_stepper.py may have sent it from its process. */
function readAnswer<T>(text: string): Partial<T & { threw: string }> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<T & { threw: string }>
  } catch {
    return {}
  }
}

const isObserved = ({ observation, single }: Partial<Observed>): boolean =>
  Array.isArray(observation) && typeof single === 'boolean'

const isStep = ({ reward, terminated, truncated, ...observed }: Partial<Step>): boolean =>
  isObserved(observed) &&
  (typeof reward === 'number' || typeof reward === 'string') &&
  [terminated, truncated].every((end) => typeof end === 'boolean')

/** What the task raised, as Python names it. */
class TaskError extends Error {
  constructor(readonly raised: string) {
    super(raised)
    this.name = raised.split(':')[0]!
    this.message = raised.slice(this.name.length + 2)
  }
}

const numbers = (values: Values): number[] => values.map(Number)
const arrayOf = ({ observation, single }: Observed): Observation =>
  single ? Float32Array.from(numbers(observation)) : numbers(observation)
