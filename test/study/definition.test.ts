// What a study may be, what its messages say, and what may change between two calls.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { makeProgram } from '../../lib/cli/program.js'
import { readStudy, type Study } from '../../lib/study/definition.js'
import { StudyFolder } from '../../lib/study/folder.js'
import { planStudy, type Plan } from '../../lib/study/plan.js'

const study: Study & { name: string } = {
  name: 'edited',
  tasks: ['CartPole-v1'],
  variants: { a: { algorithm: 'ars' }, b: { algorithm: 'ars', settings: { directions: 4 } } },
  seeds: [1],
  steps: 400,
}

test('messages say what a study file is to hold', async (t) => {
  const file = join(t.testdir(), 'wrong.json')
  const messageOf = async (changes: object): Promise<string> => {
    writeFileSync(file, JSON.stringify({ ...study, ...changes }))
    return readStudy(file)
      .then((read) => planStudy(read, file))
      .then(
        () => 'accepted',
        (error: Error) => error.message,
      )
  }
  t.match(await messageOf({ name: 'x'.repeat(81) }), 'a name of up to 80 letters')
  t.match(
    await messageOf({ seeds: 5 }),
    'expected seeds to be a text such as 1..20 or an array of whole numbers, got 5',
  )
  t.match(
    await messageOf({ tasks: [null] }),
    'expected tasks[0] to be the id of a task or an object with one, got null',
  )
  for (const policyHidden of ['16,16', 16])
    t.match(
      await messageOf({ variants: { a: { settings: { policyHidden } } } }),
      'In JSON and in programs, it is an array, such as [256, 256].',
    )
  for (const name of ['none.json', 'none.ts'])
    await t.rejects(readStudy(name), { code: 'ERR_FILE', message: `${name} does not exist. A study is a JSON file` })
})

test('verbs of a study refuse the options that they do not have', async (t) => {
  const refused = (...words: string[]): Promise<void> | unknown =>
    t.rejects(makeProgram().parseAsync(['study', ...words], { from: 'user' }), {
      code: 'ERR_ARGUMENT',
      message: /^study (resume|status) has no option --/,
    })
  await refused('resume', 'runs/none', '--dry-run')
  await refused('resume', 'runs/none', '--out', 'elsewhere')
  await refused('status', 'runs/none', '--jobs', '2')
  const status = makeProgram().parseAsync(['study', 'status', 'runs/none', '--json'], { from: 'user' })
  await t.rejects(status, { code: 'ERR_RUN' }, 'its own options are taken')
})

test('a file in the place of the folder of a study', async (t) => {
  const path = join(t.testdir({ taken: '' }), 'taken')
  const plan = await planStudy(study, 'edited.json')
  t.throws(() => StudyFolder.for(path, plan), { code: 'ERR_RUN', message: 'is not an empty folder' })
})

test('what a study file leaves out may come back, but only as it was', async (t) => {
  const folder = join(t.testdir(), 'edited')
  const run = async (changes: Partial<Study>): Promise<Plan> => {
    const place = StudyFolder.for(folder, await planStudy({ ...study, ...changes }, 'edited.json'))
    place.claim()
    place.close()
    return place.plan
  }
  const { a, b } = study.variants as Record<'a' | 'b', object>
  await run({})
  await run({ variants: { a } })
  await run({ variants: { a }, seeds: [1, 2] })
  await t.rejects(run({ variants: { a, b: { algorithm: 'ars', settings: { directions: 8 } } } }), {
    code: 'ERR_RUN',
    message: 'with another variant b',
  })
  const { variants, former } = await run({ variants: { a, b } })
  t.strictSame([variants.map(({ name }) => name), former], [['a', 'b'], undefined])
  await run({ variants: { a }, tasks: [{ id: 'CartPole-v1', name: 'a b' }] })
  await t.rejects(run({ variants: { a }, tasks: [{ id: 'Pendulum-v1', name: 'a-b' }] }), { message: 'the same folder' })
})
