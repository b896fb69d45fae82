/**
 * A run on an MLflow tracking server: parameters, and metrics under the names that the field uses, through its REST API
 * (https://mlflow.org/docs/latest/rest-api.html).
 */
import { readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GogepoError } from '../base/errors.js'
import { writeWhole } from '../base/files.js'
import { authorizationOf, basic, fetchThroughProxy, whyUnreachable, withoutPassword } from '../base/proxy.js'
import type { TrainEvent } from '../train/events.js'
import { Fields } from './fields.js'
import type { Reporter, RunEnd, RunStart } from './reporter.js'

interface Metric {
  key: string
  value: number
  /** In milliseconds since 1970. */
  timestamp: number
  step: number
}

const interval = 1000 // milliseconds between batches
const batch = 1000 // metrics in a request; MLflow takes no more
const tries = 3
const patience = 10_000 // milliseconds for an answer

/**
 * Creates a run on the server for each run that it reports, or continues the one that the run's folder names. A server
 * that cannot be reached ends the log, not the run.
 */
export class MlflowReporter implements Reporter {
  private readonly server: Server
  private fields = new Fields(0)
  private queue: Metric[] = []
  private delivery: Promise<void> = Promise.resolve()
  private over = new AbortController()
  private how: RunEnd = 'finished'

  /**
   * @param uri the server's address, with a name and a password if it wants them; MLFLOW_TRACKING_URI by default
   * @throws GogepoError ERR_ARGUMENT if that is no address of a server
   */
  constructor(uri?: string) {
    this.server = uri === undefined ? new Server(process.env['MLFLOW_TRACKING_URI']) : new Server(uri, 'uri')
  }

  start(run: RunStart): void {
    this.fields = new Fields(run.steps)
    this.queue = []
    this.over = new AbortController()
    this.delivery = this.deliver(run).catch((error: unknown) => {
      this.over.abort()
      console.error(`MLflow: ${(error as Error).message} The run continues without it.`)
    })
  }

  event(event: TrainEvent): void {
    if (this.over.signal.aborted) return
    const row = this.fields.row(event)
    if (row === undefined) return
    const timestamp = Date.now()
    for (const [key, value] of Object.entries(row.values)) this.queue.push({ key, value, timestamp, step: row.step })
  }

  /** Resolves once the server has everything, or has failed to take it. */
  async end(how: RunEnd): Promise<void> {
    this.how = how
    this.over.abort()
    await this.delivery
  }

  private async deliver(run: RunStart): Promise<void> {
    const { id, logged } = await this.open(run)
    while (!this.over.signal.aborted) {
      await this.send(id, logged)
      await sleep(interval, undefined, { signal: this.over.signal }).catch(() => {})
    }
    await this.send(id, logged)
    const status = { finished: 'FINISHED', interrupted: 'KILLED', failed: 'FAILED' }[this.how]
    await this.server.post('runs/update', { run_id: id, status, end_time: Date.now() })
  }

  /** What is queued. A resumed run makes the steps after its checkpoint again, with the same numbers: once is enough. */
  private async send(id: string, logged: ReadonlyMap<string, number>): Promise<void> {
    while (this.queue.length > 0) {
      const metrics = this.queue.slice(0, batch).filter(({ key, step }) => step > (logged.get(key) ?? -1))
      if (metrics.length > 0) await this.server.post('runs/log-batch', { run_id: id, metrics })
      this.queue.splice(0, batch)
    }
  }

  /** The run on the server, and the last step of each metric that it has. */
  private async open(run: RunStart): Promise<{ id: string; logged: Map<string, number> }> {
    const path = join(run.run, 'mlflow.json')
    const known = run.steps > 0 ? readId(path) : undefined
    if (known !== undefined) {
      const answer = await this.server.get<Answer>(`runs/get?run_id=${encodeURIComponent(known)}`)
      if (answer !== undefined) {
        await this.server.post('runs/update', { run_id: known, status: 'RUNNING' })
        return { id: known, logged: new Map(answer.run.data.metrics?.map(({ key, step }) => [key, Number(step)])) }
      }
    }
    const { algorithm, task, seed, settings } = run
    const experiment_id = await this.experiment(process.env['MLFLOW_EXPERIMENT_NAME'] ?? 'gogepo')
    const created = await this.server.post<Answer>('runs/create', {
      experiment_id,
      run_name: basename(run.run),
      start_time: Date.now(),
      tags: [{ key: 'gogepo.run', value: resolve(run.run) }],
    })
    const id = created.run.info.run_id
    const params = Object.entries({ algorithm, task, seed, ...settings }).map(([key, value]) => ({
      key,
      value: Array.isArray(value) ? value.join(',') : String(value),
    }))
    await this.server.post('runs/log-batch', { run_id: id, params })
    writeWhole(path, [Buffer.from(`${JSON.stringify({ runId: id }, null, 2)}\n`)])
    return { id, logged: new Map() }
  }

  private async experiment(name: string): Promise<string> {
    const find = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`
    const found = (): Promise<Experiment | undefined> => this.server.get<Experiment>(find)
    const existing = await found()
    if (existing !== undefined) return existing.experiment.experiment_id
    try {
      return (await this.server.post<{ experiment_id: string }>('experiments/create', { name })).experiment_id
    } catch (error) {
      const created = await found() // by another run, just now
      if (created === undefined) throw error
      return created.experiment.experiment_id
    }
  }
}

interface Answer {
  run: { info: { run_id: string }; data: { metrics?: { key: string; step: string | number }[] } }
}
interface Experiment {
  experiment: { experiment_id: string }
}

function readId(path: string): string | undefined {
  try {
    const { runId } = JSON.parse(readFileSync(path, 'utf8')) as { runId?: unknown }
    return typeof runId === 'string' ? runId : undefined
  } catch {
    return undefined // a log that was not begun
  }
}

/** The requests, with the credentials that MLflow's own clients take from the environment. */
class Server {
  private readonly address: string
  private readonly headers: Record<string, string>

  /** @param source where the address comes from, for messages */
  constructor(uri: string | undefined, source = 'MLFLOW_TRACKING_URI') {
    const url = URL.canParse(uri ?? '') ? new URL(uri!) : undefined
    if (url === undefined || !['http:', 'https:'].includes(url.protocol))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `MLflow: expected ${source} to be the address of a tracking server, such as http://localhost:5000, got ${uri === undefined ? 'nothing' : withoutPassword(uri)}.`,
      )
    const {
      MLFLOW_TRACKING_USERNAME: name,
      MLFLOW_TRACKING_PASSWORD: password,
      MLFLOW_TRACKING_TOKEN: token,
    } = process.env
    const authorization =
      authorizationOf(url.href) ??
      (name !== undefined ? basic(name, password ?? '') : token !== undefined ? `Bearer ${token}` : undefined)
    this.headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) }
    this.address = withoutPassword(url.href).replace(/\/*$/, '')
  }

  async post<T>(path: string, body: object): Promise<T> {
    return (await this.ask(path, body)) as T
  }

  /** Nothing if the server has no such thing. */
  async get<T>(path: string): Promise<T | undefined> {
    return (await this.ask(path, undefined)) as T | undefined
  }

  private async ask(path: string, body: object | undefined): Promise<unknown> {
    for (let attempt = 1; ; attempt++)
      try {
        return await this.askOnce(path, body)
      } catch (error) {
        if (error instanceof Refusal || attempt === tries) throw error
        await sleep(interval * attempt)
      }
  }

  private async askOnce(path: string, body: object | undefined): Promise<unknown> {
    const answer = await fetchThroughProxy(`${this.address}/api/2.0/mlflow/${path}`, {
      headers: this.headers,
      signal: AbortSignal.timeout(patience),
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw this.unreachable(error)
    })
    const text = await answer.text().catch((error: Error) => {
      throw this.unreachable(error)
    })
    if (answer.ok) return this.read(text)
    if (answer.status === 404 && body === undefined && /RESOURCE_DOES_NOT_EXIST/.test(text)) return undefined
    const why = `the server at ${this.address} answered ${path.replace(/\?.*/, '')} with HTTP status ${answer.status}${because(text)}.`
    throw answer.status >= 500 || answer.status === 429 ? new Error(why) : new Refusal(why)
  }

  private unreachable(error: Error): Error {
    return new Error(`the server at ${this.address} could not be reached (${whyUnreachable(error)}).`)
  }

  private read(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      throw new Refusal(`${this.address} answers, but not as an MLflow server does. Check the address.`)
    }
  }
}

/** Trying again would not help. */
class Refusal extends Error {}

/** What MLflow says of an error, in one line. */
function because(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    if (typeof message === 'string' && message !== '')
      return `: ${message.split('\n')[0]!.slice(0, 200).replace(/\.$/, '')}`
  } catch {
    // not MLflow's words
  }
  return ''
}
