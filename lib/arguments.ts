/** What programs hand over, checked at the door: the types of TypeScript are gone when a program runs. */
import { didYouMean, GogepoError } from './errors.js'
import { quoted } from './files.js'

/** What an argument must be, in words, and whether a value is. */
export interface Argument {
  readonly expected: string
  fits(value: unknown): boolean
}

const argument = (expected: string, fits: (value: unknown) => boolean): Argument => ({ expected, fits })

export const text = argument('a string', (v) => typeof v === 'string')
export const flag = argument('true or false', (v) => typeof v === 'boolean')
export const numeric = argument('a number', (v) => typeof v === 'number')
export const finite = argument('a finite number', Number.isFinite)
export const callback = argument('a function', (v) => typeof v === 'function')
export const plainObject = argument('an object', (v) => typeof v === 'object' && v !== null && !Array.isArray(v))
export const abortSignal = argument('an AbortSignal', (v) => v instanceof AbortSignal)
export const whole = (low: number, high = Number.MAX_SAFE_INTEGER): Argument =>
  argument(
    `a whole number from ${low}${high === Number.MAX_SAFE_INTEGER ? '' : ` to ${high}`}`,
    (v) => Number.isSafeInteger(v) && (v as number) >= low && (v as number) <= high,
  )
export const either = (...all: Argument[]): Argument =>
  argument(all.map(({ expected }) => expected).join(' or '), (v) => all.some((one) => one.fits(v)))
export const word = (...words: string[]): Argument => argument(words.join(' or '), (v) => words.includes(v as string))

/** @throws GogepoError ERR_ARGUMENT */
export function requireArgument(where: string, what: string, { expected, fits }: Argument, value: unknown): void {
  if (!fits(value))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `${where}: expected ${what === '' ? '' : `${what} to be `}${expected}, got ${inWords(value)}.`,
    )
}

/**
 * A copy of the options that are known, each read once.
 * @throws GogepoError ERR_ARGUMENT for an unknown one, or a value that it cannot be
 */
export function readOptions<T extends object>(
  where: string,
  given: T,
  known: { readonly [K in keyof Required<T>]: Argument },
): T {
  requireArgument(where, 'options', plainObject, given)
  const options: Partial<T> = {}
  for (const name of Object.keys(given) as (keyof T & string)[]) {
    const value = given[name]
    if (value === undefined) continue
    if (!Object.hasOwn(known, name))
      throw new GogepoError(
        'ERR_ARGUMENT',
        `${where}: unknown option "${quoted(name)}".${didYouMean(name, Object.keys(known))}`,
      )
    requireArgument(where, name, known[name], value)
    options[name] = value
  }
  return options as T
}

/** A value in a few words, whatever it is. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(quoted(value))
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null)
    return String(value)
  return typeof value === 'object'
    ? Array.isArray(value)
      ? `an array of ${value.length}`
      : 'an object'
    : `a ${typeof value}`
}

/**
 * From now on the methods of a class say so when they are called on anything else: JavaScript's own TypeError has no code.
 * They take two arguments at most, so that a call allocates nothing.
 */
export function refuseForeign(own: { name: string; prototype: object }, isOwn: (value: object) => boolean): void {
  type Method = (this: object, a?: unknown, b?: unknown) => unknown
  for (const key of Reflect.ownKeys(own.prototype)) {
    const property = Object.getOwnPropertyDescriptor(own.prototype, key)!
    const method = (property.get ?? property.value) as Method
    if (key === 'constructor' || typeof method !== 'function') continue
    const guarded: Method = function (a, b) {
      if (typeof this !== 'object' || this === null || !isOwn(this))
        throw new GogepoError(
          'ERR_ARGUMENT',
          `${own.name}.${String(key)}: expected to be called on a ${own.name}, got ${inWords(this)}.`,
        )
      return method.call(this, a, b)
    }
    Object.defineProperty(own.prototype, key, {
      ...property,
      ...(property.get ? { get: guarded } : { value: guarded }),
    })
  }
}
