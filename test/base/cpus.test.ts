// How many CPUs a container leaves, from the files of its control groups.
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { availableCpus, quota } from '../../lib/base/cpus.js'

const asked = (files: Record<string, string>) => quota((path) => files[path])
const v1 = '/sys/fs/cgroup/cpu,cpuacct'

test('without a quota there is none', async (t) => {
  t.equal(asked({}), undefined)
  t.equal(asked({ '/proc/self/cgroup': '0::/\n' }), undefined)
  t.equal(asked({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' }), undefined)
  t.equal(
    asked({
      '/proc/self/cgroup': '4:cpu,cpuacct:/\n',
      [`${v1}/cpu.cfs_quota_us`]: '-1\n',
      [`${v1}/cpu.cfs_period_us`]: '100000\n',
    }),
    undefined,
  )
})

test('version 2: cpu.max of the own group and all above it', async (t) => {
  const own = '0::/system.slice/docker-1.scope\n'
  const root = '/sys/fs/cgroup'
  t.equal(asked({ '/proc/self/cgroup': '0::/\n', [`${root}/cpu.max`]: '150000 100000\n' }), 1.5)
  t.equal(asked({ '/proc/self/cgroup': own, [`${root}/system.slice/docker-1.scope/cpu.max`]: '50000 100000' }), 0.5)
  t.equal(
    asked({
      '/proc/self/cgroup': own,
      [`${root}/cpu.max`]: '800000 100000',
      [`${root}/system.slice/cpu.max`]: '300000 100000',
      [`${root}/system.slice/docker-1.scope/cpu.max`]: 'max 100000',
    }),
    3,
    'the smallest',
  )
  t.equal(
    asked({ '/proc/self/cgroup': '0::/../../x\n', [`${root}/cpu.max`]: '200000 100000' }),
    2,
    'above its own root',
  )
  t.equal(asked({ [`${root}/cpu.max`]: '200000 100000' }), 2, 'where the own group cannot be read')
})

test('version 1: quota and period, under either name of the controller', async (t) => {
  for (const mount of ['cpu', 'cpu,cpuacct'])
    t.equal(
      asked({
        '/proc/self/cgroup': '11:memory:/a\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/a\n',
        [`/sys/fs/cgroup/${mount}/docker/abc/cpu.cfs_quota_us`]: '250000\n',
        [`/sys/fs/cgroup/${mount}/docker/abc/cpu.cfs_period_us`]: '100000\n',
      }),
      2.5,
      mount,
    )
  t.equal(
    asked({
      '/proc/self/cgroup': '3:cpuacct,cpu:/x\n',
      [`${v1}/cpu.cfs_quota_us`]: '400000',
      [`${v1}/cpu.cfs_period_us`]: '100000',
    }),
    4,
    'inside a container the path may be unknown',
  )
  t.equal(
    asked({
      '/proc/self/cgroup': '3:cpuset:/x\n',
      '/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us': '1',
      '/sys/fs/cgroup/cpu/x/cpu.cfs_period_us': '100000',
    }),
    undefined,
    'the set of CPUs is another controller',
  )
})

test('both at once: the smaller; and what cannot be read as numbers is none', async (t) => {
  t.equal(
    asked({
      '/proc/self/cgroup': '4:cpu:/\n0::/\n',
      '/sys/fs/cgroup/cpu.max': '300000 100000',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    }),
    2,
  )
  for (const text of ['', 'max', '0 100000', '100000 0', 'x y', '-5 100000'])
    t.equal(asked({ '/sys/fs/cgroup/cpu.max': text }), undefined, text)
})

test('everything that shows or uses the number of CPUs asks here, where a quota counts', async (t) => {
  const lib = fileURLToPath(new URL('../../lib', import.meta.url))
  const asking = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && readFileSync(join(lib, file), 'utf8').includes('availableParallelism'),
  )
  t.strictSame(asking, [join('base', 'cpus.ts')])
})

test('on this machine', async (t) => {
  const cpus = availableCpus()
  t.ok(Number.isInteger(cpus) && cpus >= 1 && cpus <= availableParallelism())
})
