/** From the name of a task to the task. */
import { GogepoError } from '../base/errors.js'
import type { Native, TaskOptions } from '../native/contract.js'
import type { EnvironmentFactory } from './environment.js'
import { gymnasiumPrefix, gymnasiumTask } from './gymnasium-task.js'
import { nativeTask } from './native-task.js'
import type { Task } from './task.js'
import { isModulePath, moduleTask, userTask } from './typescript-task.js'

/**
 * @param task a name: an id, gymnasium:<id> or the path of a module; or what makes environments, from a program
 * @param python the interpreter of tasks in Python
 * @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_PYTHON, ERR_ENVIRONMENT
 */
export async function findTask(
  native: Native,
  task: string | EnvironmentFactory,
  options: TaskOptions = {},
  python?: string,
): Promise<Task> {
  if (typeof task === 'string' && task.startsWith(gymnasiumPrefix)) return gymnasiumTask(native, task, options, python)
  if (typeof task === 'string' && !isModulePath(task)) return nativeTask(native, task, options)
  const [option] = Object.keys(options)
  if (option !== undefined)
    throw new GogepoError(
      'ERR_TASK_OPTION',
      `A task in TypeScript has no options for --env, got "${option}". Give what it needs to its class or function.`,
    )
  return typeof task === 'string' ? moduleTask(task) : userTask(task)
}
