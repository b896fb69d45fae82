/** Options with a value, checked where they are typed; and the options that several verbs share. */
import { InvalidArgumentError, Option } from 'commander'
import { availableCpus } from '../base/cpus.js'
import { deviceName, either, single, whole, word, type ValueType } from '../base/values.js'
import { plural } from '../base/words.js'
import type { TaskOptions } from '../native/contract.js'
import { parseTaskOption } from '../env/task-options.js'

/** An option with a value. `otherwise`: in words, what applies where it is left out and has no default of its own. */
export class ValuedOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly type: ValueType<unknown>,
    readonly otherwise?: string,
  ) {
    super(flags, description)
    this.argParser((text: string) => {
      const value = type.parse(text)
      if (!type.fits(value)) throw new InvalidArgumentError(`Expected ${type.expected}.`)
      return value
    })
  }
}

export const commandOrBest = either(single, word('best'))

const checkpointName = either(word('last', 'best'), whole(0))

/** Collects the values of an option that may be repeated. */
export const repeated = (text: string, before: readonly string[] = []): string[] => [...before, text]

export const envOption = (text: string, before: TaskOptions = {}): TaskOptions => ({
  ...before,
  ...parseTaskOption(text),
})

export const jsonOption = (): Option =>
  new Option(
    '--json',
    'print the result as one JSON object, the last line of standard output; everything else goes to standard error',
  )
export const checkpointOption = (): Option =>
  new ValuedOption(
    '--checkpoint <which>',
    'the checkpoint to use; best is the one with the best evaluation',
    checkpointName,
  ).default('last')
export const deviceOption = (): Option =>
  new ValuedOption(
    '--device <device>',
    'the device for the networks',
    deviceName,
    'auto; for an existing run, the run’s own device',
  )
export const threadsOption = (): Option =>
  new ValuedOption('--threads <n>', 'rollout threads; the number changes no result', whole(1), 'the number of CPUs')
export const torchThreadsOption = (): Option =>
  new ValuedOption('--torch-threads <n>', 'threads for the updates', whole(1), 'the number of CPUs')
/** More threads than CPUs slow everything down, dramatically so if there are far more. */
export function warnOfThreads(
  people: NodeJS.WriteStream,
  { threads, torchThreads }: { threads?: number | undefined; torchThreads?: number | undefined },
): void {
  const cpus = availableCpus()
  for (const [option, n] of Object.entries({ '--threads': threads, '--torch-threads': torchThreads }))
    if (n !== undefined && n > cpus)
      people.write(
        `Warning: ${option} ${n} exceeds the ${plural(cpus, 'CPU')} that this process may use, which slows everything down.\n`,
      )
}

export const pythonOption = (): Option =>
  new Option(
    '--python <interpreter>',
    'the interpreter for a Python task (default: GOGEPO_PYTHON, the active virtual environment’s, or python3)',
  )
export const taskOption = (): Option =>
  new Option(
    '--task <file>',
    'the file that exports the run’s task, if it has moved, or if a program passed the task when the run started',
  )

/** Where messages for people go, and how the result is printed. */
export function outputs(json: boolean | undefined): {
  people: NodeJS.WriteStream
  result: (value: unknown, words: string) => void
} {
  return {
    people: json ? process.stderr : process.stdout,
    result: (value, words) =>
      void process.stdout.write(json ? `${JSON.stringify(value)}\n` : words === '' ? '' : `${words}\n`),
  }
}
