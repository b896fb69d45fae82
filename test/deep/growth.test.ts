// 10^5 episodes of every native task leave no memory behind: test/native/growth_test.cc, which runs few of them every day.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import tap, { test } from 'tap'

const minutes = 60_000
tap.setTimeout(40 * minutes) // of the whole file; tap passes it on
const build = fileURLToPath(new URL('../../build', import.meta.url))

test('no growth over 100,000 episodes of each task', { timeout: 40 * minutes }, (t) => {
  const built = spawnSync('cmake', ['--build', build, '--target', 'growth_test'], { encoding: 'utf8' })
  t.equal(built.status, 0, built.error?.message ?? built.stdout)
  const { mujoco } = JSON.parse(readFileSync(join(build, 'setup.json'), 'utf8')) as { mujoco: string }
  const { status, stdout } = spawnSync(join(build, 'test', 'native', 'growth_test'), {
    encoding: 'utf8',
    env: { GROWTH_EPISODES: '100000', ...process.env, LD_LIBRARY_PATH: mujoco },
  })
  t.equal(status, 0, stdout)
  t.end()
})
