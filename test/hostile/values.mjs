// What no caller should hand over, as plain descriptions: fast-check makes and shrinks them, a report prints them, make() turns one into
// the thing itself.
import fc from 'fast-check'

/** Thrown by the caller's own code, when it is asked for a property. */
export class Mine extends Error {
  code = 'MINE'
}

const kinds = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}
const fills = [0, 0.5, -1, 1, NaN, Infinity, 1e300]

const plain = fc.constantFrom(
  ...[
    'undefined',
    'null',
    'true',
    'false',
    'NaN',
    'Infinity',
    '-Infinity',
    '-0',
    'symbol',
    'bigint',
    'function',
    'class',
    'date',
    'map',
    'promise',
    'proxy',
    'nobody',
    'throwing',
    'cyclic',
    'sparse',
    'dataview',
    'buffer',
  ].map((what) => [what]),
)
const number = fc
  .oneof(
    fc.constantFrom(
      0,
      1,
      2,
      3,
      4,
      5,
      16,
      0.5,
      -1,
      255,
      4096,
      4097,
      65536,
      1e5,
      2 ** 20,
      2 ** 20 + 1,
      2 ** 27,
      2 ** 31,
      2 ** 32,
      2 ** 53,
      2 ** 53 + 2,
      1e9,
      1e39,
      1e308,
      5e-324,
    ),
    fc.integer({ min: -3, max: 40 }),
    fc.double(),
  )
  .map((n) => ['number', n])
const text = fc
  .oneof(
    fc.constantFrom(
      '',
      'cpu',
      'cuda',
      'cuda:0',
      'auto',
      'fast',
      'reference',
      'best',
      'last',
      'training',
      'Pendulum-v1',
      '__proto__',
      '../..',
      '\0',
      '\ud800',
    ),
    fc.string({ maxLength: 12 }),
  )
  .map((t) => ['text', t])
const long = fc.constantFrom(1e4, 1 << 20).map((n) => ['long', n])
const array = fc
  .record({
    kind: fc.constantFrom(
      ...Object.keys(kinds),
      'Float32Array',
      'Float32Array',
      'Float64Array',
      'Float64Array',
      'Uint8Array',
    ),
    size: fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 16, 20, 97, 1000, 1 << 16),
    fill: fc.nat({ max: fills.length - 1 }),
    memory: fc.constantFrom(
      'own',
      'own',
      'offset',
      'detached',
      'shared',
      'growable',
      'resizable',
      'shrunk',
      'tracking',
    ),
  })
  .map((a) => ['array', a])
const handle = fc
  .tuple(fc.nat(), fc.constantFrom('own', 'other', 'disposed', 'forged', 'proxied'))
  .map(([which, whose]) => ['handle', which, whose])

/** Any value; `depth` of lists and objects in it. */
export const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    plain,
    number,
    text,
    long,
    array,
    handle,
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }).map((items) => ['list', items]),
  object: fc
    .array(
      fc.tuple(fc.constantFrom('seed', 'episodes', 'length', 'updates', 'then', 'task', 'settings', 'x'), tie('value')),
      { maxLength: 3 },
    )
    .map((entries) => ['object', entries]),
})).value

/** Changes to arguments that are sound: of one argument, or of one of its properties. What a getter does is known to the caller of make. */
export const changes = fc.array(
  fc.record({
    argument: fc.nat({ max: 3 }),
    property: fc.option(fc.nat({ max: 20 })),
    deeper: fc.nat({ max: 40 }),
    to: fc.oneof(
      { weight: 6, arbitrary: value },
      { weight: 1, arbitrary: fc.nat({ max: 9 }).map((n) => ['getter', n]) },
    ),
  }),
  { maxLength: 3 },
)

function typedArray({ kind, size, fill, memory }) {
  const Kind = kinds[kind]
  const bytes = size * Kind.BYTES_PER_ELEMENT
  const filled = (array) => {
    array.fill(Kind === BigInt64Array || Kind === BigUint64Array ? 1n : fills[fill])
    return array
  }
  switch (memory) {
    case 'offset':
      return filled(new Kind(new ArrayBuffer(bytes + 16), 8, size))
    case 'detached': {
      const array = filled(new Kind(size))
      structuredClone(array.buffer, { transfer: [array.buffer] })
      return array
    }
    case 'shared':
      return filled(new Kind(new SharedArrayBuffer(bytes)))
    case 'growable': {
      const buffer = new SharedArrayBuffer(bytes, { maxByteLength: 2 * bytes + 64 })
      const array = filled(new Kind(buffer))
      buffer.grow?.(2 * bytes + 64)
      return array
    }
    case 'resizable':
      return filled(new Kind(new ArrayBuffer(bytes, { maxByteLength: 2 * bytes + 64 }), 0, size))
    case 'shrunk': {
      // out of the buffer's bounds now
      const buffer = new ArrayBuffer(bytes, { maxByteLength: bytes + 64 })
      const array = filled(new Kind(buffer, 0, size))
      buffer.resize?.(bytes >> 1)
      return array
    }
    case 'tracking': {
      const buffer = new ArrayBuffer(bytes, { maxByteLength: 2 * bytes + 64 })
      const array = filled(new Kind(buffer))
      buffer.resize?.(bytes + 64)
      return array
    }
    default:
      return filled(new Kind(size))
  }
}

/** @param world what a handle is: handle(which, whose) */
export function make(description, world) {
  const [what, a, b] = description
  switch (what) {
    case 'undefined':
      return undefined
    case 'null':
      return null
    case 'true':
      return true
    case 'false':
      return false
    case 'NaN':
      return NaN
    case 'Infinity':
      return Infinity
    case '-Infinity':
      return -Infinity
    case '-0':
      return -0
    case 'symbol':
      return Symbol('s')
    case 'bigint':
      return 2n ** 64n
    case 'function':
      return () => 1
    case 'class':
      return class {}
    case 'date':
      return new Date(NaN)
    case 'map':
      return new Map([[1, 2]])
    case 'promise':
      return Promise.resolve(1)
    case 'proxy':
      return new Proxy(
        {},
        {
          get: () => {
            throw new Mine('get')
          },
          has: () => {
            throw new Mine('has')
          },
          ownKeys: () => {
            throw new Mine('ownKeys')
          },
          getOwnPropertyDescriptor: () => {
            throw new Mine('descriptor')
          },
        },
      )
    case 'nobody':
      return Object.create(null)
    case 'throwing':
      return {
        toString() {
          throw new Mine('toString')
        },
        valueOf() {
          throw new Mine('valueOf')
        },
        get length() {
          throw new Mine('length')
        },
      }
    case 'cyclic': {
      const own = {}
      own.own = own
      return own
    }
    case 'sparse':
      return Object.assign([], { length: 2 ** 32 - 1 })
    case 'dataview':
      return new DataView(new ArrayBuffer(8))
    case 'buffer':
      return new ArrayBuffer(8)
    case 'number':
      return a
    case 'text':
      return a
    case 'long':
      return 'é'.repeat(a)
    case 'array':
      return typedArray(a)
    case 'handle':
      return world.handle(a, b)
    case 'list':
      return a.map((item) => make(item, world))
    case 'object':
      return Object.fromEntries(a.map(([key, item]) => [key, make(item, world)]))
  }
  throw new Error(`no value ${what}`)
}

/** Copies of sound arguments with those changes. @param reenter what the getter of that number does */
export function changed(args, changes, world, reenter) {
  const out = [...args]
  const put = (object, key, { to }) => {
    if (to[0] === 'getter')
      Object.defineProperty(object, key, { enumerable: true, configurable: true, get: () => reenter(to[1], args) })
    else object[key] = make(to, world)
  }
  const open = (thing) =>
    typeof thing === 'object' &&
    thing !== null &&
    (Object.getPrototypeOf(thing) === Object.prototype || (Array.isArray(thing) && thing.length < 1000))
  for (const change of changes) {
    const { argument, property, deeper } = change
    if (property === null || !open(out[argument])) {
      if (change.to[0] !== 'getter') out[argument] = make(change.to, world)
      continue
    }
    let object = (out[argument] = Array.isArray(out[argument]) ? [...out[argument]] : { ...out[argument] })
    let keys = Object.keys(object)
    let key = keys[property % Math.max(1, keys.length)]
    if (open(object[key]) && deeper < 30) {
      // one further down: architectures, settings, statistics
      object = object[key] = Array.isArray(object[key]) ? [...object[key]] : { ...object[key] }
      keys = Object.keys(object)
      key = keys[deeper % Math.max(1, keys.length)]
    }
    if (key !== undefined) put(object, key, change)
  }
  return out
}

/**
 * Whether what was thrown is a JavaScript error with a code, in which numbers read as in JavaScript; or JavaScript's own, for a class that
 * the caller gave as a function.
 */
export const isCoded = (error) =>
  error instanceof Error &&
  !/\bnan\b/.test(error.message) &&
  ((typeof error.code === 'string' && error.code !== '') ||
    /^Class constructor \w* ?cannot be invoked/.test(error.message))
