import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { defineAlgorithm } from '../../lib/algorithms/algorithm.js'
import { gogepo as algorithm } from '../../lib/algorithms/gogepo.js'
import { RunFolder } from '../../lib/run/folder.js'
import { resumeRun } from '../../lib/run/resume.js'
import { startRun } from '../../lib/run/start.js'
import { sets as setsOf, small } from '../small.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'dist', 'cli', 'main.js')
const sets = setsOf(small)
const gogepo = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' })
const place = { threads: 1, torchThreads: 1, device: 'cpu' }

async function trained(folder: string): Promise<string> {
  const { run } = await startRun({
    task: 'InvertedPendulum-v5',
    steps: 2500,
    run: join(folder, 'run'),
    settings: small,
    ...place,
  })
  return run
}

t.test('every damaged file of a checkpoint is refused by its name', async (t) => {
  const run = await trained(t.testdir())
  const { checkpoints } = RunFolder.open(run)
  const last = checkpoints.list().at(-1)!
  const files = [
    `checkpoints/${last}/learner.safetensors`,
    `checkpoints/${last}/manifest.json`,
    ...checkpoints.manifest(last).segments.map(({ file }) => `buffer/${file}`),
  ]
  const damages = {
    emptied: (path: string) => truncateSync(path, 0),
    cut: (path: string) => truncateSync(path, readFileSync(path).length - 1),
    longer: (path: string) => appendFileSync(path, 'x'),
    changed: (path: string) => {
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(path, bytes)
    },
    gone: (path: string) => rmSync(path),
  }
  for (const file of files)
    for (const [damage, make] of Object.entries(damages)) {
      const copy = join(t.testdirName, 'copy')
      rmSync(copy, { recursive: true, force: true })
      cpSync(run, copy, { recursive: true })
      make(join(copy, file))
      await t.rejects(
        resumeRun(copy, { steps: 3000, ...place }),
        { code: 'ERR_CHECKPOINT', message: new RegExp(file.replaceAll('.', '\\.')) },
        `${file} ${damage}`,
      )
    }
})

t.test('one process trains a run; the lock dies with its holder', async (t) => {
  const run = join(t.testdir(), 'run')
  const holder = spawn(
    process.execPath,
    [cli, 'train', 'InvertedPendulum-v5', '--steps', '1000000', '--run', run, '--set', 'checkpointEvery=0.01', ...sets],
    { stdio: 'ignore' },
  )
  const gone = new Promise((resolve) => holder.on('exit', resolve))
  while (
    !existsSync(join(run, 'checkpoints')) ||
    readdirSync(join(run, 'checkpoints')).filter((name) => /^\d+$/.test(name)).length === 0
  )
    await new Promise((resolve) => setTimeout(resolve, 20))
  const second = gogepo('train', '--resume', run)
  t.equal(second.status, 1)
  t.match(second.stderr, /being trained by another process/)
  t.match(gogepo('runs', t.testdirName, '--json').stdout, /"state":"running"/)
  holder.kill('SIGKILL')
  await gone
  t.match(gogepo('runs', t.testdirName, '--json').stdout, /"state":"interrupted"/)
  const { steps } = await resumeRun(run, { steps: 1, ...place })
  t.ok(steps > 0)
  t.match(gogepo('runs', t.testdirName, '--json').stdout, /"state":"finished"/)
})

t.test('what is not finite stops training before anything of it is saved', async (t) => {
  const run = join(t.testdir(), 'run')
  /** After 30 episodes, one of the generator's parameters is NaN. */
  const sick = defineAlgorithm({
    ...algorithm,
    name: 'sick',
    create(context) {
      const learner = algorithm.create(context)
      const iterate = learner.iterate.bind(learner)
      learner.iterate = async () => {
        if (context.history.episodes >= 30) {
          const state = learner.state()
          for (const { data } of Object.values(state.tensors)) (data as Float32Array)[0] = NaN
          learner.restore(state)
        }
        return iterate()
      }
      return learner
    },
  })
  const settings = { ...small, checkpointEvery: 0 }
  const training = startRun({ task: 'InvertedPendulum-v5', algorithm: sick as never, run, settings, ...place })
  await t.rejects(training, { code: 'ERR_NOT_FINITE', message: /checkpoint at .* is intact/ })
  const healthy = { ...algorithm, name: 'sick' }
  const resumed = await resumeRun(run, { steps: 1000, algorithm: healthy as never, ...place })
  t.ok(resumed.episodes > 30, 'the last good checkpoint resumes')
})

t.test('other versions are named, and are allowed only on request', async (t) => {
  const run = await trained(t.testdir())
  const path = join(run, 'config.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"mujoco": "3.14.0"', '"mujoco": "3.0.0"'))
  await t.rejects(resumeRun(run, { steps: 3000, ...place }), {
    code: 'ERR_CHECKPOINT',
    message: /mujoco 3\.0\.0, now 3\.14\.0.*--allow-version-change/,
  })
  const { steps } = await resumeRun(run, { steps: 3000, allowVersionChange: true, ...place })
  t.ok(steps >= 3000)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { versionChanges: [{ versions: { mujoco: '3.14.0' } }] })
})

t.test('a full disk stops the run and leaves the last checkpoint whole', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'gogepo-disk-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'gogepo-test', disk]).status !== 0)
    return t.plan(0, 'no file system can be mounted here')
  t.teardown(() => spawnSync('umount', [disk]))
  const run = join(disk, 'run')
  const { status, stderr } = gogepo(
    'train',
    'InvertedPendulum-v5',
    '--run',
    run,
    '--steps',
    '100000',
    ...sets,
    '--set',
    'checkpointEvery=0.05',
    '--set',
    'bufferSize=10000',
  )
  t.equal(status, 1)
  t.match(stderr, /disk is full.*run.*[kM]B.*free/i)
  t.notMatch(stderr, /\n {4}at /)
  spawnSync('mount', ['-o', 'remount,size=64m', disk])
  const { steps } = await resumeRun(run, { steps: 4000, ...place })
  t.ok(steps >= 4000)
})

t.test(
  'a run on a medium that cannot be written is listed and asked, and says why it cannot be continued',
  async (t) => {
    const disk = mkdtempSync(join(tmpdir(), 'gogepo-disk-'))
    if (spawnSync('mount', ['-t', 'tmpfs', 'gogepo-test', disk]).status !== 0)
      return t.plan(0, 'no file system can be mounted here')
    t.teardown(() => spawnSync('umount', [disk]))
    const run = await trained(disk)
    spawnSync('mount', ['-o', 'remount,ro', disk])
    t.match(JSON.parse(gogepo('runs', disk, '--json').stdout), [{ run, state: 'finished' }])
    t.match(gogepo('evaluate', run, '--episodes', '1'), { status: 0, stderr: '' })
    t.match(gogepo('train', '--resume', run, '--steps', '4000'), {
      status: 1,
      stderr: /run\/\S+ cannot be written: EROFS/,
    })
  },
)

t.test('whichever file of a run has no room for its name, the error says so', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'gogepo-disk-'))
  const words: string[] = []
  for (let names = 2; names < 9; names++) {
    const room = ['-t', 'tmpfs', '-o', `nr_inodes=${names}`, 'gogepo-test', disk]
    if (spawnSync('mount', room).status !== 0) return t.plan(0, 'no file system can be mounted here')
    try {
      const { status, stderr } = gogepo(
        'train',
        'InvertedPendulum-v5',
        '--run',
        join(disk, 'run'),
        '--steps',
        '60',
        ...sets,
      )
      t.equal(status, 1)
      t.notMatch(stderr, /\n {4}at /)
      words.push(/The disk is full: \S*disk-\w+\/(run\S*) cannot be written/.exec(stderr)?.[1] ?? stderr)
    } finally {
      spawnSync('umount', [disk])
    }
  }
  const files = ['run/lock', 'run/config.json', 'run/checkpoints', 'run/buffer', 'run/events.jsonl']
  for (const file of files) t.ok(words.includes(file), `${file}: ${words.join('; ')}`)
})
