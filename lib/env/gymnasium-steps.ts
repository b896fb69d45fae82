/** A Gymnasium task that is stepped from here, one message per step. python/gogepo_stepper.py is the other end. */
import { GogepoError } from '../base/errors.js'
import type { EnvSpec } from '../native/contract.js'
import type { Environment, EnvironmentStep } from './environment.js'
import { WorkerFailure, type PythonWorker } from './python-worker.js'

type Values = (number | string)[] // numbers that JSON cannot hold are text
type Answer<T> = T | { threw: string }

interface Space {
  low: Values
  high: Values
  shape: number[]
}
interface Step {
  observation: Values
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
  const ask = async <T>(request: object): Promise<T> => {
    try {
      const answer = JSON.parse((await worker.answer(Buffer.from(JSON.stringify(request)))).toString()) as Answer<T>
      if (typeof answer === 'object' && answer !== null && 'threw' in answer) throw new TaskError(answer.threw)
      return answer
    } catch (error) {
      if (error instanceof WorkerFailure) throw new GogepoError('ERR_PYTHON', `The Python process ${error.message}`)
      throw error
    }
  }
  await described
  const { low, high, shape } = await ask<Space>({ steps: true })
  return {
    observationSpace: { low: numbers(low), high: numbers(high), shape: shape.length === 0 ? [1] : shape },
    actionSpace: discrete ? { n: actionSize } : { low: actionLow, high: actionHigh },
    timeLimit: maxEpisodeSteps,
    survivalBonus,
    reset: async (seed) => numbers((await ask<{ observation: Values }>({ reset: seed })).observation),
    step: async (action) => {
      const { observation, reward, ...ends } = await ask<Step>({
        step: typeof action === 'number' ? action : [...action],
      })
      return { observation: numbers(observation), reward: Number(reward), ...ends } satisfies EnvironmentStep
    },
    close: () => worker.end(),
  }
}

/** What the task raised, as Python names it. */
class TaskError extends Error {
  constructor(readonly raised: string) {
    super(raised)
    this.name = raised.split(':')[0]!
    this.message = raised.slice(this.name.length + 2)
  }
}

const numbers = (values: Values): number[] => values.map(Number)
