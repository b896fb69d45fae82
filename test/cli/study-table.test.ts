// What a study prints while it runs.
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { test } from 'tap'
import { StudyTable } from '../../lib/cli/study-table.js'
import { StudyFolder } from '../../lib/study/folder.js'
import { planStudy } from '../../lib/study/plan.js'

test('an event is one line when piped, also where its message has several', async (t) => {
  const folder = t.testdir()
  const study = { name: 'lines', tasks: ['CartPole-v1'], variants: { ars: { algorithm: 'ars' } }, seeds: [1] }
  const place = StudyFolder.for(join(folder, 'lines'), await planStudy(study, join(folder, 'lines.json')))
  let printed = ''
  const out = new Writable({
    write(chunk: Buffer, _, done) {
      printed += chunk.toString()
      done()
    },
  })
  const table = new StudyTable(out as NodeJS.WriteStream, place)
  const run = place.runs()[0]!
  table.event({ type: 'failed', run, code: 'ERR_PYTHON', message: 'Traceback:\n  File "task.py"\nKeyError' })
  table.close()
  t.match(printed.split('\n').slice(1), [
    /^CartPole-v1-ars\/s1: failed, ERR_PYTHON: Traceback: File "task.py" KeyError$/,
    /^$/,
  ])
  t.equal(printed.split('\n').length, 3)
})
