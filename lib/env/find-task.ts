/** From the name of a task to the task. */
import type { Native, TaskOptions } from '../native.js'
import { gymnasiumPrefix, gymnasiumTask } from './gymnasium-task.js'
import { nativeTask } from './native-task.js'
import type { Task } from './task.js'

/**
 * @param python the interpreter of tasks in Python
 * @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_PYTHON
 */
export async function findTask(native: Native, name: string, options: TaskOptions = {}, python?: string): Promise<Task> {
  return name.startsWith(gymnasiumPrefix) ? gymnasiumTask(native, name, options, python) : nativeTask(native, name, options)
}
