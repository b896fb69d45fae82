/** The tasks of native/env: stepped in C++. */
import { didYouMean, GogepoError } from '../errors.js'
import type { Native, TaskOptions } from '../native.js'
import type { Task } from './task.js'
import { meantModule } from './typescript-task.js'

/** @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION */
export function nativeTask(native: Native, id: string, options: TaskOptions = {}): Task {
  const tasks = native.envs()
  const task = tasks.find((t) => t.id === id)
  if (task === undefined)
    throw new GogepoError(
      'ERR_UNKNOWN_ENV',
      `Unknown task "${id}".${
        meantModule(id) ||
        didYouMean(
          id,
          tasks.map((t) => t.id),
        )
      } List them with: gogepo envs`,
    )
  const names = task.options.map((o) => o.name)
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new GogepoError(
      'ERR_TASK_OPTION',
      `${id} has no option "${unknown}".${didYouMean(unknown, names)} ${names.length === 0 ? 'It has none.' : `List them with: gogepo envs ${id}`}`,
    )
  return {
    name: id,
    options,
    spec: native.env({ env: id, options }),
    rollout: (engine, threads) => new native.Rollout(engine, { env: id, options, threads }),
  }
}
