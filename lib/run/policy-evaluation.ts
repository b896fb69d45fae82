/** Runs a policy file in its task. */
import { GogepoError, hasCode } from '../base/errors.js'
import { availableCpus } from '../base/cpus.js'
import { meanAndStd } from '../base/statistics.js'
import { findTask } from '../env/find-task.js'
import { spacesOf, type Task } from '../env/task.js'
import { isModulePath } from '../env/typescript-task.js'
import type { Native, PolicyShape, Statistics } from '../native/contract.js'
import { openNative } from '../native/open.js'
import { readPolicyFile, type PolicyOrigin } from '../policy/policy-file.js'
import type { Compute } from './compute.js'
import type { AskOptions, CommandResult } from './opened-run.js'
import type { Again } from './resume.js'

/**
 * Runs a policy, with the same episodes that `OpenedRun.evaluate` runs for its command.
 * @throws GogepoError ERR_FILE when it is not a policy file, ERR_RUN when its task is not found again, ERR_SHAPE when
 * the task has other spaces
 */
export async function evaluatePolicyFile(
  path: string,
  { episodes = 10, seed = 1, threads = availableCpus(), python, task: again }: AskOptions & Compute & Again,
): Promise<CommandResult> {
  const { shape, theta, origin } = readPolicyFile(path)
  const native = openNative('cpu')
  const task = await taskOf(native, origin, again, python)
  const [own, given] = [spacesOf(shape.spec), spacesOf(task.spec)]
  if (own !== given)
    throw new GogepoError('ERR_SHAPE', `${path} is a policy for ${own}, but ${task.name} has ${given}.`)
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const policies = new native.Policies(device, shape.spec, theta)
  const rollout = task.rollout(native, shape.spec, threads)
  try {
    const run = await rollout.run(policies, {
      episodes,
      seed,
      purpose: 'evaluation',
      firstIndex: 0,
      statistics: statisticsOf(shape),
      observe: 'none',
      removeSurvivalBonus: origin.removeSurvivalBonus,
    })
    const [returns, achieved] = [Array.from(run.fullReturns), Array.from(run.returns)]
    const [full, stored] = [meanAndStd(returns), meanAndStd(achieved)]
    return {
      task: origin.task,
      ...(origin.command !== null && { command: origin.command }),
      ...(origin.predicted !== null && { predicted: origin.predicted }),
      returns,
      achieved,
      lengths: Array.from(run.lengths),
      mean: full.mean,
      std: full.std,
      achievedMean: stored.mean,
      achievedStd: stored.std,
    }
  } finally {
    for (const made of [rollout, policies, device]) made.dispose()
  }
}

/** Statistics that normalize by the divisors of a policy file: of two observations, so that m2 is the variance. */
const statisticsOf = ({ observationMean: mean, observationStd }: PolicyShape): Statistics => ({
  count: 2,
  mean,
  m2: observationStd.map((divisor) => (divisor === Infinity ? 0 : (divisor - 1e-8) ** 2)),
})

async function taskOf(
  native: Native,
  { task, taskOptions }: PolicyOrigin,
  again: Again['task'],
  python: string | undefined,
): Promise<Task> {
  if (again !== undefined) return findTask(native, again)
  try {
    return await findTask(native, task, taskOptions, { python })
  } catch (error) {
    if (!hasCode(error, 'ERR_UNKNOWN_ENV')) throw error
    const where = isModulePath(task) ? 'run the command in the folder where the run was trained, or ' : ''
    throw new GogepoError(
      'ERR_RUN',
      `The policy is for ${task}, which was not found: ${where}pass the file that exports the task with --task <file>`,
      { cause: error },
    )
  }
}
