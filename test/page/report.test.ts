// Reports, opened in a browser where there is one.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { runPage } from '../../lib/page/run-page.js'
import { startRun } from '../../lib/run/start.js'
import { events, oneThread, startSmall } from '../small.js'

const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

/** The page after it has loaded, and what the browser had to say. */
function open(folder: string, page: string): { dom: string; complaints: string[] } {
  // A copy that also says of each image whether it was drawn.
  const probe = `<script>addEventListener('load', () => { const out = document.createElement('output'); out.textContent = 'images ' + [...document.images].map((image) => image.complete && image.naturalWidth > 0).join(); document.body.append(out) })</script></body>`
  const file = join(folder, 'probed.html')
  writeFileSync(file, page.replace('</body>', probe))
  const { stdout, stderr, status } = spawnSync(
    browser!,
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...[`--user-data-dir=${join(folder, 'profile')}`, '--enable-logging=stderr', '--virtual-time-budget=5000'],
      ...['--dump-dom', `file://${file}`],
    ],
    { encoding: 'utf8', timeout: 180_000, maxBuffer: 1 << 28 },
  )
  if (status !== 0) throw new Error(`${browser}: ${stderr}`)
  return { dom: stdout, complaints: stderr.split('\n').filter((line) => line.includes('CONSOLE')) }
}

test('a report of a run stands alone and holds its numbers', async (t) => {
  const folder = t.testdir()
  const run = join(folder, 'run')
  await startSmall({ task: 'Pendulum-v1', seed: 1, steps: 3000, run })
  const page = await runPage(run, oneThread)
  t.notMatch(page, /<script|https?:\/\/(?!www\.w3\.org)/, 'no scripts, no network')
  const titles = [...page.matchAll(/<h2 id="[^"]*">([^<]*)</g)].map(([, title]) => title)
  t.strictSame(titles, [
    'Summary',
    'Learning curve',
    'Commands and returns',
    'Losses and metrics',
    'Sweep',
    'Fingerprints',
    'Settings',
    'Time',
    'Versions and machine',
  ])
  const evaluations = events(run).filter(({ type }) => type === 'evaluation')
  for (const { mean } of evaluations) t.ok(page.includes(`>${String(mean)}<`), `the evaluation ${String(mean)}`)
  const drawn = [...page.matchAll(/srcset="data:image\/svg\+xml;base64,([^"]*)"/g)].map(([, data]) =>
    Buffer.from(data!, 'base64').toString(),
  )
  t.ok(drawn.length > 10)
  t.ok(drawn.every((svg) => svg.startsWith('<svg')))
  const lines = [...drawn[0]!.matchAll(/d="(M[^"Z]*L[^"Z]*)"/g)].map(([, path]) => path!.split('L').length)
  t.ok(lines.includes(evaluations.length), 'the curve has a point for each evaluation')
  for (const [image] of page.matchAll(/<img [^>]*>/g)) t.match(image, /alt="[^"]+"/)
  t.match(readFileSync(join(run, 'phases.json'), 'utf8'), /"rollout":/)

  await t.test(
    'opened in Chromium',
    { skip: browser ? false : 'there is no Chromium: apt-get install chromium' },
    async (t) => {
      const { dom, complaints } = open(folder, page)
      t.strictSame(complaints, [], 'no errors')
      const shown = /images ([a-z,]*)</.exec(dom)?.[1]?.split(',')
      t.equal(shown?.length, [...page.matchAll(/<img /g)].length)
      t.ok(
        shown?.every((one) => one === 'true'),
        'every figure is drawn',
      )
    },
  )
})

test('every algorithm that takes commands has a report, with fingerprints or without', async (t) => {
  const folder = t.testdir()
  const given = { task: 'Pendulum-v1', seed: 1, steps: 1200, ...oneThread }
  const settings = { policyHidden: [16], evaluateEvery: 400, evaluationEpisodes: 1 }
  for (const [algorithm, more] of Object.entries({
    udrl: {},
    udrlpg: { sliceSize: 8, generatorHidden: [16] },
  })) {
    const run = join(folder, algorithm)
    await startRun({ ...given, algorithm, settings: { ...settings, ...more }, run })
    const page = await runPage(run, oneThread)
    t.ok(page.includes('>Sweep<'), algorithm)
    t.notOk(page.includes('>Fingerprints<'), algorithm)
  }
})
