/**
 * Types of values that users give: what is expected, whether a value fits, and how it is read from text. Settings, command-line
 * options and arguments of programs are all checked by these.
 */
import { parseCount, parseNumber } from './words.js'

/** A type of value: how it is described, checked and read from text. */
export interface ValueType<T> {
  /** Completes "expected …". */
  readonly expected: string
  /** Words that shells complete. */
  readonly words: readonly string[]
  /** Whether a value has this type. */
  fits(value: unknown): value is T
  /** A value that may not fit: `fits` decides. */
  parse(text: string): unknown
  /** A sentence that says more about a value that does not fit; empty when there is nothing to add. */
  fault?(value: unknown): string
}

function valueType<T>(
  expected: string,
  fits: (value: unknown) => boolean,
  parse: (text: string) => unknown = (text) => text,
  words: readonly string[] = [],
): ValueType<T> {
  return { expected, words, fits: fits as (value: unknown) => value is T, parse }
}

const number = (parse: (text: string) => number) => (text: string) => {
  const value = parse(text)
  return Number.isNaN(value) ? text : value
}

/** Any string. */
export const text = valueType<string>('a string', (v) => typeof v === 'string')
/** true or false. */
export const flag = valueType<boolean>(
  'true or false',
  (v) => typeof v === 'boolean',
  (text) => (text === 'true' ? true : text === 'false' ? false : text),
  ['true', 'false'],
)
/** A number that is neither infinite nor NaN. */
export const finite = valueType<number>('a finite number', Number.isFinite, number(parseNumber))
/** A function. */
export const callback = valueType<(...args: never[]) => unknown>('a function', (v) => typeof v === 'function')
/** An array. */
export const list = valueType<readonly unknown[]>('an array', Array.isArray)
/** An object that is not an array. */
export const plainObject = valueType<object>(
  'an object',
  (v) => typeof v === 'object' && v !== null && !Array.isArray(v),
)
/** What stops a training run. */
export const abortSignal = valueType<AbortSignal>('an AbortSignal', (v) => v instanceof AbortSignal)

/** A whole number. As text it may end in k or M. */
export const whole = (low: number, high = Number.MAX_SAFE_INTEGER): ValueType<number> =>
  valueType(
    `a whole number ${high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`}`,
    (v) => Number.isSafeInteger(v) && (v as number) >= low && (v as number) <= high,
    number(parseCount),
  )

const largestFloat = (2 - 2 ** -23) * 2 ** 127

/** A number that single precision holds. */
export const single = valueType<number>(
  'a number within ±3.4e38, the range of single precision',
  (v) => typeof v === 'number' && Number.isFinite(v) && Math.abs(v) <= largestFloat,
  number(parseNumber),
)

/** A finite number within bounds. */
export const real = (low: number, high: number): ValueType<number> =>
  valueType(
    high === Infinity
      ? low === -Infinity
        ? 'a finite number'
        : `a number of at least ${low}`
      : `a number from ${low} to ${high}`,
    (v) => typeof v === 'number' && Number.isFinite(v) && v >= low && v <= high,
    number(parseNumber),
  )

/** Widths of a network's hidden layers. */
export const widths: ValueType<readonly number[]> = {
  ...valueType<readonly number[]>(
    'a list of whole numbers from 1 to 65536, such as 256,256',
    (v) =>
      Array.isArray(v) &&
      v.length > 0 &&
      v.length <= 64 &&
      v.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= 65536),
    (text) => text.split(',').map(number(parseNumber)),
  ),
  // Only the command line reads lists from text.
  fault: (v) => (Array.isArray(v) ? '' : 'In JSON and in programs, it is an array, such as [256, 256].'),
}

/** One of these words. */
export const word = <const T extends string>(...words: T[]): ValueType<T> =>
  valueType(words.join(' or '), (v) => words.includes(v as T), undefined, words)

/** A value of one type or the other. */
export function either<A, B>(a: ValueType<A>, b: ValueType<B>): ValueType<A | B>
/** A value of one of three types. */
export function either<A, B, C>(a: ValueType<A>, b: ValueType<B>, c: ValueType<C>): ValueType<A | B | C>
export function either(...all: ValueType<unknown>[]): ValueType<unknown> {
  return valueType(
    // "a number, the range of single precision, or best"
    all.map(({ expected }) => expected).reduce((left, right) => `${left}${left.includes(',') ? ',' : ''} or ${right}`),
    (v) => all.some((one) => one.fits(v)),
    (text) =>
      all.map((one) => ({ one, value: one.parse(text) })).find(({ one, value }) => one.fits(value))?.value ?? text,
    all.flatMap(({ words }) => words),
  )
}

/** auto, cpu, cuda or cuda:<i>. */
export const deviceName = valueType<string>(
  'auto, cpu, cuda or cuda:<i>',
  (v) => typeof v === 'string' && /^(auto|cpu|cuda(:\d{1,3})?)$/.test(v),
  undefined,
  ['auto', 'cpu', 'cuda'],
)
