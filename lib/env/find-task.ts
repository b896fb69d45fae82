/** Finds a task by its name. */
import { GogepoError } from '../base/errors.js'
import { quoted } from '../base/words.js'
import type { Native, TaskOptions } from '../native/contract.js'
import type { EnvironmentFactory } from './environment.js'
import { gymnasiumPrefix, gymnasiumTask } from './gymnasium-task.js'
import { nativeTask } from './native-task.js'
import type { Task } from './task.js'
import { isModulePath, meantModule, moduleTask, userTask } from './typescript-task.js'
import { refusePythonFile, unknownTask } from './unknown-task.js'

/**
 * @param task a name (an id, gymnasium:<id> or the path of a module), or the factory of environments that a program
 * passed
 * @param how.python the interpreter for Python tasks
 * @param how.signal aborting it ends Python processes that do not answer
 * @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_PYTHON, ERR_ENVIRONMENT, ERR_INTERRUPTED
 */
export async function findTask(
  native: Native,
  task: string | EnvironmentFactory,
  options: TaskOptions = {},
  { python, signal }: { python?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Task> {
  if (typeof task === 'string' && task.startsWith(gymnasiumPrefix))
    return gymnasiumTask(native, task, options, { python, signal })
  if (typeof task === 'string') refusePythonFile(task)
  if (typeof task === 'string' && !isModulePath(task)) {
    const known = native.envs().map(({ id }) => id)
    if (known.includes(task)) return nativeTask(native, task, options)
    const file = meantModule(task)
    if (file === '') throw await unknownTask(task, known, python)
    throw new GogepoError('ERR_UNKNOWN_ENV', `Unknown task "${quoted(task)}".${file}`)
  }
  const [option] = Object.keys(options)
  if (option !== undefined)
    throw new GogepoError(
      'ERR_TASK_OPTION',
      `TypeScript tasks have no options for --env, got "${quoted(option)}". Set the value in the task’s class or function instead.`,
    )
  return typeof task === 'string' ? moduleTask(task) : userTask(task)
}
