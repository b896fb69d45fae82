/** Slurm: one array job, whose tasks are the runs. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GogepoError } from '../base/errors.js'
import { makeFolder, writeWhole } from '../base/files.js'
import type { Handover } from './executor.js'
import { quote } from './shell.js'

const notice = 60 // seconds before the end of its time at which a task is asked to save

/** @throws GogepoError ERR_EXECUTOR when sbatch does not accept it */
export async function slurm(handover: Handover): Promise<string> {
  const { folder, cwd } = handover
  makeFolder(join(folder, 'slurm'))
  const script = join(folder, 'slurm', 'job.sh')
  writeWhole(script, [Buffer.from(scriptOf(handover))])
  // Everything that a user may want to set (partition, time, account) has a variable: SBATCH_PARTITION, SBATCH_TIMELIMIT …
  const { stdout } = await promisify(execFile)('sbatch', ['--parsable', script], { cwd }).catch((error: unknown) => {
    const { stderr, message } = error as Error & { stderr?: string }
    throw new GogepoError(
      'ERR_EXECUTOR',
      `Slurm did not accept ${script}: ${(stderr ?? message).trim() || message}. Run sbatch ${script} by hand to see more.`,
      { cause: error },
    )
  })
  const job = stdout.trim().split(';')[0]!
  return `Slurm has job ${job}. Watch it with: squeue --job ${job}; what it prints is in ${join(folder, 'slurm')}.`
}

/**
 * The batch script. A signal (a preemption, or the notice before the end of the time) goes to the step, where the run is
 * saved; a task that ends in its grace period counts as done to Slurm, so it asks to be queued again itself, unless it
 * was canceled.
 */
const scriptOf = ({ name, folder, cwd, runs, jobs, gogepo, arguments: words }: Handover): string => `#!/bin/sh
#SBATCH --job-name=${quote([`gogepo-${name.replaceAll(/[^\w.-]+/g, '-')}`])}
#SBATCH --array=${ranges(runs)}${jobs === undefined ? '' : `%${jobs}`}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --signal=TERM@${notice}
#SBATCH --open-mode=append
#SBATCH --chdir=${quote([cwd])}
#SBATCH --output=${quote([join(folder, 'slurm', '%a.log')])}
trap : TERM USR1
srun ${quote([...gogepo, ...words])} "$SLURM_ARRAY_TASK_ID"
ended=$?
task="\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
[ $ended = 130 ] && [ "$(squeue --noheader --format %T --job "$task")" = RUNNING ] && scontrol requeue "$task"
exit $ended
`

/** 0-2,5 */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = []
  for (const n of numbers) {
    const last = parts.at(-1)
    if (last !== undefined && last[1] === n - 1) last[1] = n
    else parts.push([n, n])
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}
