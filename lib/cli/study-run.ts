/** gogepo study run <folder> <place>: trains one run of a study. What an executor calls on its machines; not in the help. */
import { Command } from 'commander'
import { GogepoError } from '../base/errors.js'
import { whole } from '../base/values.js'
import { count } from '../base/words.js'
import { free } from '../study/execute.js'
import { StudyFolder } from '../study/folder.js'
import { writeResults } from '../study/tidy.js'
import { trainPlanned, type TrainingEnd, type TrainingEvent } from '../study/train-run.js'
import { interruptible } from './interrupt.js'
import { deviceOption, pythonOption } from './options.js'

interface RunFlags {
  device?: string | undefined
  python?: string | undefined
}

/** The arguments that call it, all but the place. */
export const studyRunArguments = (folder: string, { device, python }: RunFlags): string[] => [
  ...['study', 'run'],
  ...(device === undefined ? [] : ['--device', device]),
  ...(python === undefined ? [] : ['--python', python]),
  folder,
]

export function studyRunCommand(): Command {
  return new Command('run')
    .description('Train one run of a study, with one thread.')
    .argument('<folder>', 'the folder of a study')
    .argument('<place>', 'the place of the run among the runs of the study, from 0')
    .addOption(deviceOption())
    .addOption(pythonOption())
    .action(async (path: string, text: string, _: unknown, command: Command) => {
      const { device, python } = command.optsWithGlobals<RunFlags>()
      const folder = StudyFolder.open(path)
      const runs = folder.runs()
      const place = Number(text)
      const run = whole(0, runs.length - 1).fits(place) ? runs[place]! : undefined
      if (run === undefined)
        throw new GogepoError('ERR_ARGUMENT', `Expected the place of a run, 0 to ${runs.length - 1}, got ${text}.`)
      const say = (words: string): void => void process.stdout.write(`${run.name}: ${words}\n`)
      await interruptible(process.stdout, async (signal) => {
        // A process that lost its machine may hold the lock for a while; one that was queued twice waits for its twin.
        if (!(await free(folder, run, signal, () => say('waiting for another process that trains it')))) {
          process.exitCode = 130
          return
        }
        if (folder.statusOf(run).state === 'finished') return say('had finished')
        const compute = { device, python, threads: 1, torchThreads: 1 }
        const end = await trainPlanned(folder, run, {
          ...compute,
          signal,
          onEvent: (event) => event.type === 'started' && say(wordsFor(event)),
        })
        say(wordsFor(end))
        process.exitCode = { finished: 0, interrupted: 130, failed: 1 }[end.type]
      })
      if (folder.status().every(({ state }) => state === 'finished')) writeResults(folder)
    })
}

function wordsFor(event: Extract<TrainingEvent, { type: 'started' }> | TrainingEnd): string {
  switch (event.type) {
    case 'started':
      return event.resumed ? `resumed at ${count(event.steps)} steps` : 'started'
    case 'finished':
      return `finished at ${count(event.steps)} steps`
    case 'interrupted':
      return `interrupted and saved at ${count(event.steps)} steps`
    case 'failed':
      return `failed, ${event.code}: ${event.message}`
  }
}
