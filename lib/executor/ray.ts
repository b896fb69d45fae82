/** Ray: one job for each run, through the REST interface of its job API. */
import { GogepoError } from '../base/errors.js'
import { plural } from '../base/words.js'
import type { Handover } from './executor.js'
import { quote } from './shell.js'

/** @throws GogepoError ERR_EXECUTOR when no cluster answers, or it refuses a job */
export async function ray({ name, cwd, runs, gogepo, arguments: words }: Handover): Promise<string> {
  const address = process.env['RAY_API_SERVER_ADDRESS'] ?? 'http://127.0.0.1:8265'
  for (const run of runs) {
    const job = {
      entrypoint: `cd ${quote([cwd])} && exec ${quote([...gogepo, ...words, String(run)])}`,
      entrypoint_num_cpus: 1,
      metadata: { study: name, run: String(run) },
    }
    await submit(address, job)
  }
  return `Ray at ${address} has ${plural(runs.length, 'job')}. Watch them with: ray job list --address ${address}`
}

async function submit(address: string, job: object): Promise<void> {
  let problem: string
  let cause: unknown
  try {
    const response = await fetch(new URL('/api/jobs/', address), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(job),
      signal: AbortSignal.timeout(60_000),
    })
    if (response.ok) return
    problem = `${response.status}: ${(await response.text()).trim().slice(-500)}`
  } catch (error) {
    cause = error
    problem = (error as Error).message
  }
  throw new GogepoError(
    'ERR_EXECUTOR',
    `Ray at ${address} did not accept a job: ${problem}. Start a cluster with: ray start --head, or name another with RAY_API_SERVER_ADDRESS.`,
    { cause },
  )
}
