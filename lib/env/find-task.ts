/** Finds a task by its name. */
import { GogepoError } from '../base/errors.js'
import { quoted } from '../base/words.js'
import type { Native, TaskOptions } from '../native/contract.js'
import type { EnvironmentFactory } from './environment.js'
import { gymnasiumPrefix, gymnasiumTask } from './gymnasium-task.js'
import { nativeTask } from './native-task.js'
import type { Task } from './task.js'
import { isModulePath, moduleTask, userTask } from './typescript-task.js'

/**
 * @param task a name (an id, gymnasium:<id> or the path of a module), or the factory of environments that a program
 * passed
 * @param python the interpreter for Python tasks
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
      `TypeScript tasks have no options for --env, got "${quoted(option)}". Set the value in the task’s class or function instead.`,
    )
  return typeof task === 'string' ? moduleTask(task) : userTask(task)
}
