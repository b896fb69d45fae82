/** The executors by name, all but local: that is this process, with lib/study/execute.ts. */
import type { Executor } from './executor.js'
import { kubernetes } from './kubernetes.js'
import { ray } from './ray.js'
import { slurm } from './slurm.js'

export const executors: Readonly<Record<string, Executor>> = { slurm, ray, kubernetes }
