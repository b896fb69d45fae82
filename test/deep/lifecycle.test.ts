// What test/lifecycle.test.ts does, many times over.
import t from 'tap'
import { live, type Life } from '../lifecycle/live.js'

const lives: Life[] = [
  ...Array.from({ length: 30 }, (_, i) => ({
    what: `process.exit() after ${i * 5} ms`,
    args: ['exits', String(i * 5)],
    exit: 7,
  })),
  { what: 'aborted at 200 random moments', args: ['aborts', '200'], says: { interrupted: true, resumed: 200 } },
  { what: '50 workers, one after another', args: ['workers', '50'], says: { goesOn: true } },
  { what: '50 workers terminated at work', args: ['terminates', '50'], says: { objects: 0 } },
]
for (const life of lives) t.test(life.what, { timeout: 1_800_000 }, (t) => live(t, life))

t.test(
  'sixteen trainings at once, one thread in libuv’s pool: files and names still work',
  { timeout: 600_000 },
  async (t) => {
    const said = await live(t, { what: '', args: ['crowd', '20'], env: { UV_THREADPOOL_SIZE: '1' } })
    const { p99, slowest } = JSON.parse(said) as { p99: number; slowest: number }
    t.comment(`event-loop delay: p99 ${p99.toFixed(1)} ms; slowest file and name ${slowest.toFixed(1)} ms`)
    t.ok(p99 > 0 && slowest > 0, 'all of them were answered; how soon is for a person to judge')
  },
)
