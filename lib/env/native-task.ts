/** The tasks of native/env, which are stepped in C++. */
import { didYouMean, GogepoError } from '../base/errors.js'
import { quoted } from '../base/words.js'
import type { Native, TaskOptions } from '../native/contract.js'
import type { Task } from './task.js'

/** @throws GogepoError ERR_UNKNOWN_ENV, ERR_TASK_OPTION */
export function nativeTask(native: Native, id: string, options: TaskOptions = {}): Task {
  const tasks = native.envs()
  const task = tasks.find((t) => t.id === id)
  if (task === undefined)
    throw new GogepoError(
      'ERR_UNKNOWN_ENV',
      `Unknown task "${quoted(id)}".${didYouMean(
        id,
        native.envs().map((known) => known.id),
      )}`,
    )
  const names = task.options.map((o) => o.name)
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new GogepoError(
      'ERR_TASK_OPTION',
      `${id} has no option "${quoted(unknown)}".${didYouMean(unknown, names)} ${names.length === 0 ? 'It has none.' : `List its options with: gogepo envs ${id}`}`,
    )
  return {
    name: id,
    options,
    spec: native.env({ env: id, options }),
    rollout: (native, policy, threads) => new native.Rollout({ policy, env: id, options, threads }),
  }
}
