// A Python with a real Gymnasium, made once and kept in the project's cache, and policies that run in it.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { GogepoError } from '../../lib/base/errors.js'
import { findTask } from '../../lib/env/find-task.js'
import type { Task } from '../../lib/env/task.js'
import type { Episodes, Policies, RolloutOptions, TaskOptions } from '../../lib/native/contract.js'
import { openNative } from '../../lib/native/open.js'
import { pythonWith } from '../python.js'
import { once, randoms, specOf } from '../small.js'

const packages = ['gymnasium[mujoco]==1.3.0', 'mujoco==3.14.0']

export const native = openNative('cpu')
/** The interpreter that has it. */
export const python = pythonWith(packages)
process.env['PYTHONPATH'] = fileURLToPath(new URL('python', import.meta.url))
delete process.env['GOGEPO_PYTHON']
export const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
export const range = { returnMin: 0, returnMax: 500 }

/** The test's folder, and in it one for what its tasks leave. */
export function folder(t: Test): { dir: string; left: string } {
  const dir = t.testdir({ left: {} })
  const left = join(dir, 'left')
  process.env['GOGEPO_TEST_FOLDER'] = left
  return { dir, left }
}

interface Given {
  task: Task
  /** Those of one rollout, in order. */
  runs: Partial<RolloutOptions>[]
  policies?: number
  threads?: number
  scale?: number
}
/** What policies of small networks come to. */
export async function roll(
  { task, runs, policies: count = 1, threads = 1, scale = 0.5 }: Given,
  look?: (policies: Policies) => Promise<void>,
): Promise<Episodes[]> {
  const device = new native.Device({ device: 'cpu', threads: 1 })
  const spec = specOf(task.spec, [32, 24])
  const policies = new native.Policies(device, spec, randoms(count * native.policySize(spec), scale, 3))
  const rollout = task.rollout(native, spec, threads)
  try {
    const episodes: Episodes[] = []
    for (const run of runs) episodes.push(await rollout.run(policies, { ...once, ...run }))
    await look?.(policies)
    return episodes
  } finally {
    for (const made of [rollout, policies, device]) made.dispose()
  }
}

export const find = (id: string, options: TaskOptions = {}): Promise<Task> => findTask(native, id, options, { python })
/** One of test/python. */
export const findOfTests = (id: string, options: TaskOptions = {}): Promise<Task> =>
  find(`gymnasium:gogepo_test_tasks:${id}`, options)

export async function failure(promise: Promise<unknown>): Promise<GogepoError> {
  const error: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof GogepoError) return error
  throw error ?? new Error('nothing failed')
}
