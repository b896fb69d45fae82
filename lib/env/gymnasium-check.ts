/** Checks a Gymnasium task as checkEnv checks one in TypeScript. */
import { GogepoError } from '../base/errors.js'
import type { Native } from '../native/contract.js'
import { checkTask, type Checked, type CheckOptions } from './check-env.js'
import { findTask } from './find-task.js'

const options: CheckOptions = {
  fixes: {
    'reset-not-reproducible':
      'Make reset call super().reset(seed=seed) and initialize all state, and take random numbers only from self.np_random.',
    'step-not-reproducible':
      'Take random numbers only from self.np_random, which super().reset(seed=seed) seeds, and make reset initialize everything that step reads.',
    'observation-space': 'Widen the bounds of observation_space, or keep the observation within them.',
  },
  // Gymnasium has no place for a range of returns, arrays are copied between the processes, and Gymnasium leaves open what a
  // step after the end does.
  without: ['no-return-range', 'array-changed', 'goes-on-after-its-end'],
}

/**
 * @param name gymnasium:<id>
 * @throws GogepoError ERR_PYTHON, ERR_UNKNOWN_ENV, ERR_TASK_OPTION
 */
export async function checkGymnasium(
  native: Native,
  name: string,
  python: string | undefined,
): Promise<Checked & { declared: boolean }> {
  const task = await findTask(native, name, {}, { python })
  if (task.environment === undefined)
    throw new GogepoError('ERR_ARGUMENT', `check: expected a Gymnasium task, got ${name}.`)
  const { returnMin, returnMax } = task.spec
  const declared = !Number.isNaN(returnMin)
  const environment = await task.environment()
  try {
    const ranged = declared ? { ...environment, returnRange: [returnMin, returnMax] as const } : environment
    return { ...(await checkTask(ranged, options)), declared }
  } finally {
    await environment.close?.()
  }
}
