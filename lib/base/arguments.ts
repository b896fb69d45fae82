/** Checks what programs pass to the API: TypeScript's types are gone when a program runs. */
import { didYouMean, GogepoError } from './errors.js'
import { plainObject, type ValueType } from './values.js'
import { describe, quoted } from './words.js'

/** @throws GogepoError ERR_ARGUMENT */
export function requireArgument(
  where: string,
  what: string,
  { expected, fits }: ValueType<unknown>,
  value: unknown,
): void {
  if (!fits(value))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `${where}: expected ${what === '' ? '' : `${what} to be `}${expected}, got ${describe(value)}.`,
    )
}

/**
 * A copy of the known options, each read once.
 * @throws GogepoError ERR_ARGUMENT for an unknown option, or a value of the wrong type
 */
export function readOptions<T extends object>(
  where: string,
  given: T,
  known: { readonly [K in keyof Required<T>]: ValueType<unknown> },
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

/**
 * Makes the methods of a class check what they are called on: JavaScript's own TypeError has no code.
 * Guarded methods take at most two arguments, so that a call allocates nothing.
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
          `${own.name}.${String(key)}: expected to be called on a ${own.name}, got ${describe(this)}.`,
        )
      return method.call(this, a, b)
    }
    Object.defineProperty(own.prototype, key, {
      ...property,
      ...(property.get ? { get: guarded } : { value: guarded }),
    })
  }
}
