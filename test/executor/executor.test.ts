// What executors are given: a manifest that Kubernetes knows, and a command that trains one run wherever it is called.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { ranges } from '../../lib/executor/slurm.js'
import { askPython, pythonWith } from '../python.js'
import { folder, gogepo, isComplete, statusOf, writeStudy } from './small-study.js'

const validate = `
import json, sys, kubernetes_validate
for version in ['1.29', '1.34']:
    kubernetes_validate.validate(json.load(open(sys.argv[1])) if len(sys.argv) > 1 else manifest, version, strict=True)
`

test('the manifest of an indexed Job is valid, and its command trains the run of its index', async (t) => {
  writeStudy(t, 3000)
  const { status, stdout, stderr } = gogepo(t, ['study', 'study.json', '--executor', 'kubernetes', '--device', 'cpu'])
  t.equal(status, 0, stderr)
  t.match(stdout, /kubectl apply -f .*kubernetes\.json/)
  const manifest = JSON.parse(readFileSync(join(t.testdirName, folder, 'kubernetes.json'), 'utf8')) as {
    metadata: { name: string }
    spec: { completions: number; template: { spec: { containers: [{ command: string[] }] } } }
  }
  t.equal(manifest.metadata.name, 'gogepo-a-small-study')
  t.equal(manifest.spec.completions, 2)
  const python = pythonWith(['kubernetes-validate==1.34.1'])
  const program = `import json, sys\nmanifest = json.load(sys.stdin)\n${validate}\nprint('true')`
  t.ok(askPython(python, program, manifest))
  t.throws(() => askPython(python, program, { ...manifest, spec: { indexes: 2 } }), /indexes/)

  const [, ...words] = manifest.spec.template.spec.containers[0].command
  const command = (index: number): string[] => words.map((word) => word.replace('$(JOB_COMPLETION_INDEX)', `${index}`))
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
  const pod = spawn(process.execPath, [main, ...command(0)], { cwd: t.testdirName })
  await once(pod.stdout, 'data') // it has started
  pod.kill('SIGTERM') // an eviction
  const [code] = (await once(pod, 'exit')) as [number]
  t.ok(code === 130 || statusOf(t)[0]!.state === 'finished', 'interrupted and saved, unless it was faster')
  for (const index of [0, 1, 1]) t.equal(gogepo(t, command(index)).status, 0)
  t.match(gogepo(t, command(1)).stdout, /had finished/)
  t.equal(gogepo(t, command(2)).status, 2, 'there is no such run')
  await isComplete(t, 3000)
})

test('Ray is sent one job for each run', async (t) => {
  writeStudy(t, 3000)
  const jobs: { entrypoint: string }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
      jobs.push(JSON.parse(text) as { entrypoint: string })
      response.writeHead(jobs.length > 2 ? 500 : 200).end('{"submission_id":"a"}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const env = { ...process.env, RAY_API_SERVER_ADDRESS: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
  const submit = async (): Promise<{ code: number; text: string }> => {
    const child = spawn(process.execPath, [main, 'study', 'study.json', '--executor', 'ray'], {
      cwd: t.testdirName,
      env,
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()))
    const [code] = (await once(child, 'close')) as [number]
    return { code, text }
  }
  const accepted = await submit()
  t.equal(accepted.code, 0, accepted.text)
  t.match(jobs, [
    { entrypoint: /^cd .* && exec .* study run '.*\/runs\/a small study' 0$/, entrypoint_num_cpus: 1 },
    { entrypoint: /small study' 1$/ },
  ])
  const refused = await submit()
  t.equal(refused.code, 1)
  t.match(refused.text, /did not accept a job: 500/)
})

test('Slurm is given the places of runs as ranges', async (t) => {
  t.equal(ranges([0, 1, 2, 5, 7, 8]), '0-2,5,7-8')
  t.equal(ranges([4]), '4')
})
