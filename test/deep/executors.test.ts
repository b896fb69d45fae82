// Studies on a real Slurm and a real Ray, each on this machine, with preemption.
//   apt-get install slurmctld slurmd slurm-client munge
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { folder, gogepo, isComplete, until, writeStudy } from '../executor/small-study.js'
import { pythonWith } from '../python.js'
import { startSmall } from '../small.js'

const needed = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'srun', 'scontrol']
const missing = needed.find((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0)
const absent =
  missing === undefined ? false : `there is no ${missing}: apt-get install slurmctld slurmd slurm-client munge`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** A Slurm of one node with two partitions, of which the one preempts the other. @returns the environment of its commands */
async function startSlurm(t: Test): Promise<NodeJS.ProcessEnv> {
  const dir = mkdtempSync(join(tmpdir(), 'slurm-')) // sockets need short paths
  for (const name of ['state', 'spool', 'munge']) mkdirSync(join(dir, name), { mode: 0o700 })
  const key = join(dir, 'munge', 'key')
  writeFileSync(key, randomBytes(1024))
  chmodSync(key, 0o400)
  const host = hostname()
  const conf = join(dir, 'slurm.conf')
  writeFileSync(
    conf,
    `ClusterName=test
SlurmctldHost=${host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${dir}/munge/socket
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool
SlurmctldPort=${await freePort()}
SlurmdPort=${await freePort()}
SlurmctldPidFile=${dir}/ctld.pid
SlurmdPidFile=${dir}/d.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=${host} CPUs=2 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 GraceTime=60 MaxTime=INFINITE State=UP
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
`,
  )
  const env = { ...process.env, SLURM_CONF: conf }
  const daemons: ChildProcess[] = []
  const start = (name: string, ...args: string[]): void =>
    void daemons.push(spawn(name, args, { env, stdio: 'ignore' }))
  t.teardown(async () => {
    for (const daemon of daemons.reverse()) {
      daemon.kill()
      if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit')
    }
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 }) // the last one may still be writing
  })
  const files = ['socket', 'log-file', 'pid-file', 'seed-file'].map((name) => `--${name}=${dir}/munge/${name}`)
  start('munged', '--foreground', '--force', `--key-file=${key}`, ...files)
  await sleep(2000)
  start('slurmctld', '-D', '-f', conf)
  await sleep(2000)
  start('slurmd', '-D', '-f', conf, '-N', host)
  for (let seconds = 0; !/idle/.test(spawnSync('sinfo', { env, encoding: 'utf8' }).stdout); seconds++) {
    if (seconds > 120) throw new Error('Slurm did not become idle')
    await sleep(1000)
  }
  return env
}

t.test(
  'Slurm: runs are preempted by signal, saved, queued again and resumed',
  { skip: absent || (process.getuid!() === 0 ? false : 'it needs root'), timeout: 1_200_000 },
  async (t) => {
    // As many steps as take 40 CPU seconds, so that there is time to preempt the runs, however busy the machine is.
    const tried = { task: 'Pendulum-v1', seed: 1, steps: 100_000, run: join(t.testdir(), 'tried') }
    const before = process.cpuUsage()
    await startSmall(tried)
    const { user, system } = process.cpuUsage(before) // microseconds
    const steps = 1000 * Math.ceil((40e6 / (user + system)) * (tried.steps / 1000))
    writeStudy(t, steps)
    const env = await startSlurm(t)
    const { status, stdout, stderr } = gogepo(t, ['study', 'study.json', '--executor', 'slurm', '--device', 'cpu'], env)
    t.equal(status, 0, stderr)
    const job = /Slurm has job (\d+)/.exec(stdout)![1]!
    await until(t, 'both are being trained', (runs) => runs.every(({ steps }) => steps > 2000))
    execFileSync('sbatch', ['--partition=high', '--cpus-per-task=2', '--output=/dev/null', '--wrap', 'sleep 5'], {
      env,
    })
    await until(t, 'both are saved', (runs) => runs.every(({ state }) => state === 'interrupted'))
    for (let seconds = 0; seconds < 120; seconds++) {
      const pending = spawnSync('squeue', ['--noheader', '--array', '--states=PENDING', '--job', job], {
        env,
        encoding: 'utf8',
      })
      if (pending.stdout.trim().split('\n').length === 2) break
      await sleep(1000)
    }
    for (const place of [0, 1]) {
      execFileSync('scontrol', ['update', `jobid=${job}_${place}`, 'starttime=now'], { env }) // instead of waiting two minutes
      const log = readFileSync(join(t.testdirName, folder, 'slurm', `${place}.log`), 'utf8')
      t.match(log, /interrupted and saved at \d/)
    }
    await isComplete(t, steps)
    for (const place of [0, 1])
      t.match(
        readFileSync(join(t.testdirName, folder, 'slurm', `${place}.log`), 'utf8'),
        /resumed at \d[^]*finished at/,
      )
  },
)

t.test('Ray: one job for each run', { timeout: 1_200_000 }, async (t) => {
  writeStudy(t, 3000)
  const python = pythonWith(['ray[default]==2.49.2'])
  const dir = mkdtempSync(join(tmpdir(), 'ray-'))
  const dashboard = await freePort()
  const flags = [
    '--head',
    '--block',
    '--num-cpus=2',
    `--port=${await freePort()}`,
    `--dashboard-port=${dashboard}`,
    '--temp-dir',
    dir,
  ]
  const head = spawn(python, ['-m', 'ray.scripts.scripts', 'start', ...flags], { stdio: 'ignore', detached: true })
  t.teardown(async () => {
    process.kill(-head.pid!, 'SIGTERM')
    await once(head, 'exit')
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 })
  })
  const address = `http://127.0.0.1:${dashboard}`
  for (
    let seconds = 0;
    !(await fetch(`${address}/api/jobs/`).then(
      ({ ok }) => ok,
      () => false,
    ));
    seconds++
  ) {
    if (seconds > 300) throw new Error('Ray did not start')
    await sleep(1000)
  }
  const env = { RAY_API_SERVER_ADDRESS: address }
  const { status, stderr } = gogepo(t, ['study', 'study.json', '--executor', 'ray', '--device', 'cpu'], env)
  t.equal(status, 0, stderr)
  await isComplete(t, 3000)
})
