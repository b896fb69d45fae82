// Benchmarks a rollout step against a lower bound: the task's physics alone plus 5 µs for the policy. Measured by a
// native program (native/rollout_bench.cc) that continues past the end of an episode, so that resets are not included.
import { execFileSync, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GogepoError } from '../dist/base/errors.js'

const build = join(dirname(dirname(fileURLToPath(import.meta.url))), 'build')

export function benchRollout(tasks, { table, rounds, threads }) {
  const { status, stdout } = spawnSync('cmake', ['--build', build, '--target', 'rollout_bench'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0)
    throw new GogepoError(
      'ERR_ENGINE',
      `The rollout benchmark could not be built. If the folder build/ is missing, run: npm run setup\n${stdout ?? ''}`,
    )
  const report = {}
  const rows = tasks.map(({ id }) => {
    const text = execFileSync(join(build, 'bench', 'native', 'rollout_bench'), [id, String(threads), String(rounds)], {
      encoding: 'utf8',
    })
    const { task, networkUsPerStep, ...figures } = JSON.parse(text)
    report[task] = figures
    const { usPerStep, physicsUsPerStep, ratio } = figures
    return [
      task,
      usPerStep,
      physicsUsPerStep,
      networkUsPerStep,
      ratio,
      figures.threads[1],
      ...(threads > 1 ? [figures.threads[threads], figures.threads[1] / figures.threads[threads]] : []),
    ]
  })
  const many = threads > 1 ? [`wall, ${threads} threads`, `1 thread ÷ ${threads}`] : []
  table(['per step, µs', 'rollout', 'physics', 'policy', 'rollout ÷ (physics + 5)', 'wall, 1 thread', ...many], rows)
  return report
}
