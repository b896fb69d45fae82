/** Kinds of option values, checked where they are typed; and the options that several verbs have. */
import { InvalidArgumentError, Option } from 'commander'
import { checkPreset, parseSetting, presets, type Settings } from '../config.js'
import type { TaskOptions } from '../native.js'
import { parseTaskOption } from '../task-options.js'

/** Reads a value as it is typed. Help shows its range, completion its words. */
export interface Kind<T> {
  (text: string): T
  readonly range: string
  readonly words: readonly string[]
}
const kind = <T>(range: string, read: (text: string) => T, words: readonly string[] = []): Kind<T> =>
  Object.assign((text: string) => read(text), { range, words })
const refuse = (range: string): never => {
  throw new InvalidArgumentError(`Expected ${/^(whole )?number/.test(range) ? 'a ' : ''}${range}.`)
}

const number = (text: string): number =>
  /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN

export function whole(low: number, high = Infinity): Kind<number> {
  const range = `whole number from ${low}${high === Infinity ? '' : ` to ${high}`}`
  return kind(range, (text) => {
    const value = number(text)
    return Number.isSafeInteger(value) && value >= low && value <= high ? value : refuse(range)
  })
}

export const real = kind('number', (text) => (Number.isFinite(number(text)) ? number(text) : refuse('number')))

export const realOrBest = kind<number | 'best'>(
  'number or best',
  (text) => (text === 'best' ? 'best' : Number.isFinite(number(text)) ? number(text) : refuse('number or best')),
  ['best'],
)

export const checkpoint = kind<'last' | 'best' | number>(
  'last, best or a number of steps',
  (text) =>
    text === 'last' || text === 'best'
      ? text
      : Number.isSafeInteger(number(text)) && number(text) >= 0
        ? number(text)
        : refuse('last, best or a number of steps'),
  ['last', 'best'],
)

const device = kind(
  'auto, cpu, cuda or cuda:<i>',
  (text) => (/^(auto|cpu|cuda(:\d{1,3})?)$/.test(text) ? text : refuse('auto, cpu, cuda or cuda:<i>')),
  ['auto', 'cpu', 'cuda'],
)

export const presetName = kind(Object.keys(presets).join(' or '), checkPreset, Object.keys(presets))

/** An option with a value. `otherwise`: in words, what holds where it is left out and has no default of its own. */
export class ValuedOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly kind: Kind<unknown>,
    readonly otherwise?: string,
  ) {
    super(flags, description)
    this.argParser(kind)
  }
}

export const setOption = (text: string, before: Partial<Settings> = {}): Partial<Settings> => ({
  ...before,
  ...parseSetting(text),
})

export const envOption = (text: string, before: TaskOptions = {}): TaskOptions => ({
  ...before,
  ...parseTaskOption(text),
})

export const jsonOption = (): Option =>
  new Option('--json', 'the result as one JSON object on the last line of standard output; the rest on standard error')
export const deviceOption = (): Option =>
  new ValuedOption('--device <device>', 'what computes the updates', device, 'auto; of a run that is there, its own')
export const threadsOption = (): Option =>
  new ValuedOption('--threads <n>', 'rollout workers; changes no result', whole(1), 'the cores')
export const torchThreadsOption = (): Option =>
  new ValuedOption('--torch-threads <n>', 'threads of the updates', whole(1), 'the cores')
export const pythonOption = (): Option =>
  new Option(
    '--python <interpreter>',
    'of a task in Python (default: GOGEPO_PYTHON, the active virtual environment’s, python3)',
  )
export const taskOption = (): Option =>
  new Option('--task <file>', 'where the run’s own task is now, when it is not found')

/** Where what is meant for people goes, and the result. */
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
