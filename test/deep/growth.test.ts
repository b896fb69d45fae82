// 10^5 episodes of every native task leave no memory behind: test/native/growth_test.cc, which runs few of them every day.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const build = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'build')
const program = join(build, 'test', 'native', 'growth_test')

test('no growth over 100,000 episodes of each task', { timeout: 1_800_000, skip: !existsSync(program) && 'not built: npm run setup' }, (t) => {
  const { mujoco } = JSON.parse(readFileSync(join(build, 'setup.json'), 'utf8')) as { mujoco: string }
  const { status, stdout } = spawnSync(program, { encoding: 'utf8', env: { ...process.env, GROWTH_EPISODES: '100000', LD_LIBRARY_PATH: mujoco } })
  t.equal(status, 0, stdout)
  t.end()
})
