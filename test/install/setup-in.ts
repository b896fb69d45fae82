/** Installations of small wheels into a cache of the test's own. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { GogepoError } from '../../lib/base/errors.js'
import { install, planSetup, type Doing, type SetupOptions } from '../../lib/install/setup.js'
import type { Fakes } from './fake-wheels.js'

export const minors = ['2.13']

export function setupIn(t: Test, fakes: Fakes) {
  const cache = join(t.testdirName, 'the cache')
  return {
    cache,
    plan: (options: SetupOptions) =>
      planSetup({ kind: 'cpu', ...options }, { GOGEPO_CACHE: cache }, { minors, pins: [fakes.pinned] }),
    async run(options: SetupOptions, how: Doing = {}) {
      return install(this.plan(options), how, minors)
    },
    left: () => (existsSync(join(cache, 'libtorch')) ? readdirSync(join(cache, 'libtorch')) : []),
  }
}

export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

export async function failure(work: Promise<unknown>): Promise<Partial<GogepoError>> {
  return work.then(
    () => ({}),
    (error: GogepoError) => error,
  )
}

/** What a CPU needs of the wheels. */
export const cpuFiles = [
  'RECORD',
  'nvidia/cu13/lib/libcudart.so.13',
  'nvidia/cu13/lib/libcupti.so.13',
  'torch/lib/libc10.so',
  'torch/lib/libgomp.so.1',
  'torch/lib/libtorch_cpu.so',
  'torch/version.py',
]
