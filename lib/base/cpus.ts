/** How many CPUs this process may use. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The CPUs of the machine that the affinity mask and the container's CPU quota (cgroup v1 or v2) leave, at least 1. */
export function availableCpus(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota(readIfAny) || Infinity) || 1))
}

/** The CPU quota in CPUs, or nothing. @param read the text of a file, or nothing */
export function quota(read: (path: string) => string | undefined): number | undefined {
  const own = read('/proc/self/cgroup') ?? ''
  const v2 = /^0::(\/.*)$/m.exec(own)?.[1]
  const v1 = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/m.exec(own)?.[1]
  const found: number[] = []
  // Every ancestor may have a quota; the smallest counts.
  for (const folder of ancestors(v2)) {
    const [max, period] = (read(`/sys/fs/cgroup${folder}/cpu.max`) ?? '').trim().split(' ')
    if (Number(max) > 0 && Number(period) > 0) found.push(Number(max) / Number(period))
  }
  for (const folder of ancestors(v1))
    for (const mount of ['cpu', 'cpu,cpuacct']) {
      const max = Number(read(`/sys/fs/cgroup/${mount}${folder}/cpu.cfs_quota_us`))
      const period = Number(read(`/sys/fs/cgroup/${mount}${folder}/cpu.cfs_period_us`))
      if (max > 0 && period > 0) found.push(max / period)
    }
  return found.length > 0 ? Math.min(...found) : undefined
}

/** The folder and all above it; the root is ''. Inside a container the path may be unknown: then the root alone. */
function ancestors(folder: string | undefined): string[] {
  const parts = (folder ?? '/').split('/').filter((part) => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    parts
      .slice(0, i)
      .map((part) => `/${part}`)
      .join(''),
  )
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** CPU seconds that this process and its children have used, those of children that have ended included. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  const children = (readIfAny('/proc/self/task/' + process.pid + '/children') ?? '').trim().split(' ').filter(Boolean)
  const [, ended] = ticksOf('self')
  const living = children.reduce((sum, pid) => sum + ticksOf(pid).reduce((a, b) => a + b), 0)
  return (user + system) / 1e6 + (ended + living) / ticksPerSecond
}

const ticksPerSecond = 100 // of /proc, on every Linux

/** CPU time of a process, and of its children that have ended (proc(5): utime, stime, cutime, cstime). */
function ticksOf(process: string): [own: number, ended: number] {
  const stat = readIfAny(`/proc/${process}/stat`) ?? ''
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15)
  return [utime + stime, cutime + cstime]
}
