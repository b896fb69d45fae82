// The log on an MLflow server, as its REST API is documented.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { MlflowReporter } from '../../lib/report/mlflow.js'
import { startRun } from '../../lib/run/start.js'
import { oneThread, small } from '../small.js'
import { events, report } from './reported.js'

interface Metric {
  key: string
  value: number
  timestamp: number
  step: number
}
interface Stored {
  name: string
  experiment: string
  status: string
  params: Record<string, string>
  metrics: Metric[]
}

/** What a tracking server keeps, and how it answers; `answer` may answer a request itself. */
class Store {
  readonly experiments: string[] = []
  readonly runs: Stored[] = []
  readonly asked: { path: string; authorization: string | undefined; metrics: number }[] = []
  answer: (path: string, response: ServerResponse) => boolean = () => false

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const piece of request) text += String(piece)
    const { pathname, searchParams } = new URL(request.url!, 'http://x')
    const path = pathname.replace('/api/2.0/mlflow/', '')
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    const metrics = (body['metrics'] as Metric[] | undefined) ?? []
    this.asked.push({ path, authorization: request.headers.authorization, metrics: metrics.length })
    if (this.answer(path, response)) return
    const reply = this.reply(path, searchParams, body)
    response.writeHead(reply === undefined ? 404 : 200)
    response.end(JSON.stringify(reply ?? { error_code: 'RESOURCE_DOES_NOT_EXIST', message: `No such thing.` }))
  }

  private reply(path: string, query: URLSearchParams, body: Record<string, unknown>): object | undefined {
    const run = this.runs[Number(body['run_id'] ?? query.get('run_id'))]
    switch (path) {
      case 'experiments/get-by-name': {
        const id = this.experiments.indexOf(query.get('experiment_name')!)
        return id < 0 ? undefined : { experiment: { experiment_id: String(id) } }
      }
      case 'experiments/create':
        return { experiment_id: String(this.experiments.push(body['name'] as string) - 1) }
      case 'runs/create': {
        const experiment = this.experiments[Number(body['experiment_id'])]!
        const id = this.runs.push({
          ...{ name: body['run_name'] as string, experiment, status: 'RUNNING', params: {}, metrics: [] },
        })
        return { run: { info: { run_id: String(id - 1) }, data: {} } }
      }
      case 'runs/get': {
        if (run === undefined) return undefined
        const latest = new Map(run.metrics.map((metric) => [metric.key, metric]))
        return { run: { info: { run_id: query.get('run_id') }, data: { metrics: [...latest.values()] } } }
      }
      case 'runs/log-batch':
        for (const { key, value } of (body['params'] as { key: string; value: string }[] | undefined) ?? [])
          run!.params[key] = value
        run!.metrics.push(...((body['metrics'] as Metric[] | undefined) ?? []))
        return {}
      case 'runs/update':
        run!.status = body['status'] as string
        return {}
      default:
        return undefined
    }
  }
}

async function serve(t: Test): Promise<{ store: Store; uri: string }> {
  const store = new Store()
  const server = createServer((request, response) => void store.handle(request, response))
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', () => settle()))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { store, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** While the server in this process answers. */
async function gogepo(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<{ code: unknown; stderr: string }> {
  const options = { cwd, env: { ...process.env, ...env } }
  return new Promise((settle) => {
    execFile(process.execPath, [cli, ...args], options, (error, _, stderr) =>
      settle({ code: error?.code ?? 0, stderr }),
    )
  })
}

/** Folders of runs. */
function folders(t: Test, count: number): string[] {
  const dir = t.testdir()
  return Array.from({ length: count }, (_, i) => join(dir, `run${i}`)).map((path) => (mkdirSync(path), path))
}

const valuesOf = ({ metrics }: Stored, wanted: string): [number, number][] =>
  metrics.filter(({ key }) => key === wanted).map(({ step, value }) => [step, value])

test('a run with its parameters and metrics; after a resume it continues, and nothing is logged twice', async (t) => {
  const { store, uri } = await serve(t)
  const run = t.testdir()
  await report(new MlflowReporter(uri), run, 0, events(1, 5), 'interrupted')
  t.equal(store.runs[0]!.status, 'KILLED')
  await report(new MlflowReporter(`${uri}/`), run, 30, events(4, 3)) // resumed from the checkpoint at 30 steps
  t.equal(store.runs.length, 1)
  const [logged] = store.runs as [Stored]
  t.match(logged, { name: basename(run), experiment: 'gogepo', status: 'FINISHED' })
  t.match(logged.params, { algorithm: 'gogepo', task: 'Hopper-v5', seed: '7', noise: '0.1', policyHidden: '16,8' })
  t.strictSame(
    valuesOf(logged, 'rollout/return'),
    [1, 2, 3, 4, 5, 6].map((i) => [10 * i, i]),
  )
  t.strictSame(valuesOf(logged, 'eval/mean_reward'), [
    [50, 2],
    [60, 2],
  ])
  t.notOk(
    logged.metrics.some(({ key }) => key === 'train/generator_loss'),
    'null is no number',
  )

  await report(new MlflowReporter(uri), run, 0, events(1, 1), 'failed') // begun anew in the same folder
  t.equal(store.runs[1]!.status, 'FAILED')
})

test('a run whose folder names one that the server does not have is created there', async (t) => {
  const [first, second] = [await serve(t), await serve(t)]
  const run = t.testdir()
  await report(new MlflowReporter(first.uri), run, 0, events(1, 2))
  await report(new MlflowReporter(second.uri), run, 20, events(3, 1))
  t.strictSame(valuesOf(second.store.runs[0]!, 'rollout/return'), [[30, 3]])
})

test('no request has more metrics than MLflow takes', async (t) => {
  const { store, uri } = await serve(t)
  await report(new MlflowReporter(uri), t.testdir(), 0, events(1, 700))
  t.ok(store.asked.every(({ metrics }) => metrics <= 1000))
  t.equal(valuesOf(store.runs[0]!, 'rollout/return').length, 700)
})

test('several runs at once share an experiment that did not exist', async (t) => {
  const { store, uri } = await serve(t)
  let asked = 0
  store.answer = (path, response) => {
    // Each of the first two finds nothing, and only one creates it.
    if (path === 'experiments/get-by-name' && ++asked <= 2) {
      response.writeHead(404).end('{"error_code":"RESOURCE_DOES_NOT_EXIST"}')
      return true
    }
    if (path !== 'experiments/create' || store.experiments.length === 0) return false
    response.writeHead(400).end('{"error_code":"RESOURCE_ALREADY_EXISTS","message":"It exists."}')
    return true
  }
  await Promise.all(folders(t, 2).map(async (run) => report(new MlflowReporter(uri), run, 0, events(1, 1))))
  t.equal(store.runs.length, 2)
  t.strictSame(store.experiments, ['gogepo'])
})

test('a server that fails for a moment is asked again', async (t) => {
  const { store, uri } = await serve(t)
  let failures = 2
  store.answer = (path, response) => {
    if (path !== 'runs/log-batch' || failures-- <= 0) return false
    response.writeHead(503).end('busy')
    return true
  }
  await report(new MlflowReporter(uri), t.testdir(), 0, events(1, 2))
  t.equal(valuesOf(store.runs[0]!, 'rollout/return').length, 2)
})

test('a server that cannot be reached, or refuses, ends the log, not the run', async (t) => {
  const said: string[] = []
  t.intercept(console, 'error', { value: (text: string) => said.push(text) })
  const { store, uri } = await serve(t)
  store.answer = (_, response) => {
    response.writeHead(403).end('{"error_code":"PERMISSION_DENIED","message":"Not yours.\\nStack"}')
    return true
  }
  const options = { ...oneThread, task: 'InvertedPendulum-v5', steps: 50, settings: small }
  const closed = new MlflowReporter('http://127.0.0.1:1')
  const { steps } = await startRun({
    ...options,
    run: join(t.testdir(), 'run'),
    reporters: [new MlflowReporter(uri), closed],
  })
  t.ok(steps >= 50)
  t.equal(
    said[0],
    `MLflow: the server at ${uri} answered experiments/get-by-name with HTTP status 403: Not yours. The run continues without it.`,
  )
  t.match(
    said[1],
    /^MLflow: the server at http:\/\/127\.0\.0\.1:1 could not be reached \(.*\)\. The run continues without it\.$/,
  )
  t.equal(said.length, 2)
})

test('a server that is not MLflow', async (t) => {
  const said: string[] = []
  t.intercept(console, 'error', { value: (text: string) => said.push(text) })
  const { store, uri } = await serve(t)
  store.answer = (_, response) => {
    response.end('<html>Welcome</html>')
    return true
  }
  await report(new MlflowReporter(uri), t.testdir(), 0, events(1, 1))
  t.strictSame(said, [
    `MLflow: ${uri} answers, but not as an MLflow server does. Check the address. The run continues without it.`,
  ])
})

test('credentials come from the address or from the environment, as MLflow has them', async (t) => {
  const { store, uri } = await serve(t)
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
  const asked = async (reporter: MlflowReporter): Promise<string | undefined> => {
    await report(reporter, t.testdir(), 0, [])
    return store.asked.at(-1)!.authorization
  }
  const set = (name: string, value: string): void => {
    process.env[name] = value
    t.teardown(() => delete process.env[name])
  }
  t.equal(await asked(new MlflowReporter(uri)), undefined)
  t.equal(await asked(new MlflowReporter(uri.replace('//', '//me:p%40ss@'))), basic)
  set('MLFLOW_TRACKING_TOKEN', 'abc')
  t.equal(await asked(new MlflowReporter(uri)), 'Bearer abc')
  set('MLFLOW_TRACKING_USERNAME', 'me')
  set('MLFLOW_TRACKING_PASSWORD', 'p@ss')
  t.equal(await asked(new MlflowReporter(uri)), basic)
})

test('from the command line; without an address it says what to set', async (t) => {
  const { store, uri } = await serve(t)
  const dir = t.testdir()
  const train = ['train', 'InvertedPendulum-v5', '--steps', '50', '--quiet', '--log', 'mlflow', '--run', 'run']
  for (const [given, got] of [
    [{}, 'nothing'],
    [{ MLFLOW_TRACKING_URI: 'databricks' }, 'databricks'],
  ] as const) {
    const { code, stderr } = await gogepo(train, dir, given)
    t.equal(code, 2)
    t.match(
      stderr,
      `expected MLFLOW_TRACKING_URI to be the address of a tracking server, such as http://localhost:5000, got ${got}.`,
    )
    t.strictSame(readdirSync(dir), [])
  }
  const env = { MLFLOW_TRACKING_URI: uri, MLFLOW_EXPERIMENT_NAME: 'mine' }
  const { code, stderr } = await gogepo([...train, '--threads', '1', '--torch-threads', '1'], dir, env)
  t.equal(code, 0, stderr)
  t.match(store.runs, [{ experiment: 'mine', name: 'run', status: 'FINISHED' }])
  t.ok(store.runs[0]!.metrics.some(({ key }) => key === 'eval/mean_reward'))
  t.match(JSON.parse(readFileSync(join(dir, 'run', 'mlflow.json'), 'utf8')), { runId: '0' })
})
