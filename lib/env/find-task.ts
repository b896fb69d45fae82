/** From the name of a task to the task. */
import type { Native, TaskOptions } from '../native.js'
import { nativeTask } from './native-task.js'
import type { Task } from './task.js'

/** @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION */
export async function findTask(native: Native, name: string, options: TaskOptions = {}): Promise<Task> {
  return nativeTask(native, name, options)
}
