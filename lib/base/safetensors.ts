/**
 * Reads and writes safetensors files (the format of huggingface/safetensors: a length, a JSON header, then the data).
 * The reader is strict: it accepts only complete files whose tensors are contiguous and exactly as large as the header
 * says.
 */
import { closeSync } from 'node:fs'
import { GogepoError } from './errors.js'
import { openToRead, readExactly, reasonOf, writeWhole } from './files.js'
import { describe, plural, quoted } from './words.js'

const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array } as const
/** The types of elements that are supported. */
export type Dtype = keyof TensorArrays
/** The typed array of each dtype. */
export interface TensorArrays {
  F32: Float32Array
  F64: Float64Array
  I32: Int32Array
  I64: BigInt64Array
  U8: Uint8Array
}

/** The elements of a tensor in row-major order, with its shape. */
export type Tensor<D extends Dtype = Dtype> = D extends Dtype
  ? { dtype: D; shape: readonly number[]; data: TensorArrays[D] }
  : never

export interface TensorFile {
  tensors: Record<string, Tensor>
  metadata: Record<string, string>
}

const maximumHeader = 100_000_000 // bytes, the limit of the reference implementation

/**
 * Encodes a file as a list of byte arrays. Tensors are not copied: each array is a view of the tensor's memory.
 * @param name the file's name in error messages
 * @throws GogepoError ERR_SHAPE when the data of a tensor does not match its shape
 */
export function encodeSafetensors(name: string, { tensors, metadata }: TensorFile): Uint8Array[] {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {}
  // The header: each tensor begins where the one before it ends.
  let end = 0
  for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
    if (elements(shape) !== data.length)
      throw new GogepoError(
        'ERR_SHAPE',
        `${name}: expected tensor ${key} of shape [${shape}] to have ${plural(elements(shape), 'element')}, got ${data.length}.`,
      )
    header[key] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] }
  }
  // Its length, then its text, padded with spaces so that the data is aligned.
  const text = Buffer.from(JSON.stringify(header))
  const padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ')
  padded.writeBigUInt64LE(BigInt(padded.length - 8))
  text.copy(padded, 8)
  return [
    padded,
    ...Object.values(tensors).map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]
}

/**
 * Writes a file whole or not at all.
 * @throws GogepoError ERR_SHAPE, ERR_DISK_FULL, ERR_FILE
 */
export function writeSafetensors(path: string, content: TensorFile): void {
  writeWhole(path, encodeSafetensors(path, content))
}

/**
 * Reads a whole file.
 * @throws GogepoError ERR_FILE with what is wrong with the file
 */
export function readSafetensors(path: string): TensorFile {
  const refuse = (what: string): never => {
    throw new GogepoError('ERR_FILE', `${path} is not a valid safetensors file: ${what}.`)
  }
  let file: number, size: number
  try {
    ;({ file, size } = openToRead(path))
  } catch (error) {
    throw new GogepoError('ERR_FILE', `${path} cannot be read: ${reasonOf(error)}.`, { cause: error })
  }
  try {
    const read = (bytes: Uint8Array, position: number): void => {
      try {
        readExactly(file, bytes, position)
      } catch (error) {
        refuse((error as Error).message)
      }
    }

    // The header.
    if (size < 8) refuse(`expected at least 8 bytes, got ${size}`)
    const lengthBytes = Buffer.alloc(8)
    read(lengthBytes, 0)
    const headerSize = lengthBytes.readBigUInt64LE()
    if (headerSize > BigInt(maximumHeader) || headerSize > BigInt(size - 8))
      refuse(`its header would take ${headerSize} of the file’s ${plural(size, 'byte')}`)
    const headerBytes = Buffer.alloc(Number(headerSize))
    read(headerBytes, 8)
    const start = 8 + headerBytes.length
    const { metadata, entries } = parseHeader(headerBytes, refuse)

    // The tensors, in the order of their data.
    let end = 0
    const tensors: Record<string, Tensor> = Object.create(null) as Record<string, Tensor>
    for (const { name, dtype, shape, offsets } of entries.sort(
      (a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1],
    )) {
      const bytes = elements(shape) * arrays[dtype].BYTES_PER_ELEMENT
      if (offsets[0] !== end || offsets[1] - offsets[0] !== bytes)
        refuse(
          `expected tensor ${quoted(name)} of shape [${shape}] (${dtype}) at bytes ${end}–${end + bytes}, found it at ${offsets.join('–')}`,
        )
      end = offsets[1]
      if (start + end > size)
        refuse(`tensor ${quoted(name)} ends at byte ${start + end}, but the file has only ${plural(size, 'byte')}`)
      const data = new arrays[dtype](elements(shape))
      read(new Uint8Array(data.buffer), start + offsets[0])
      tensors[name] = { dtype, shape, data } as Tensor
    }
    if (start + end !== size) refuse(`it continues for ${plural(size - start - end, 'byte')} after the last tensor`)
    return { tensors, metadata }
  } finally {
    closeSync(file)
  }
}

interface Entry {
  name: string
  dtype: Dtype
  shape: number[]
  offsets: [number, number]
}

function parseHeader(
  bytes: Buffer,
  refuse: (what: string) => never,
): { metadata: Record<string, string>; entries: Entry[] } {
  let text = ''
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) // a byte order mark is not JSON
    header = JSON.parse(text)
  } catch {
    refuse('its header is not valid JSON')
  }
  if (!isRecord(header)) return refuse('its header is not a JSON object')
  const twice = repeatedKey(text)
  if (twice !== undefined) return refuse(`its header has the key ${quoted(twice)} twice`)
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>
  const entries: Entry[] = []
  for (const [name, value] of Object.entries(header)) {
    if (!isRecord(value)) return refuse(`header entry ${quoted(name)} is not an object`)
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(value))
        metadata[key] = typeof text === 'string' ? text : refuse(`metadata entry ${quoted(key)} is not a string`)
      continue
    }
    const { dtype, shape, data_offsets: offsets } = value
    if (typeof dtype !== 'string' || !Object.hasOwn(arrays, dtype))
      return refuse(`tensor ${quoted(name)}: expected dtype ${Object.keys(arrays).join(', ')}, got ${describe(dtype)}`)
    if (!isSizes(shape) || Number.isNaN(elements(shape))) return refuse(`tensor ${quoted(name)} has an invalid shape`)
    if (!isSizes(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!)
      return refuse(`tensor ${quoted(name)} has invalid offsets`)
    if (Object.keys(value).length !== 3)
      return refuse(`tensor ${quoted(name)}: expected only dtype, shape and data_offsets`)
    entries.push({ name, dtype: dtype as Dtype, shape, offsets: offsets as [number, number] })
  }
  const texts = [...entries.map(({ name }) => name), ...Object.entries(metadata).flat()]
  const half = texts.find((text) => /\p{Surrogate}/u.test(text))
  if (half !== undefined)
    return refuse(`${quoted(half)} in its header has half of a surrogate pair, which is no character`)
  const odd = otherNumber(text)
  if (odd !== undefined)
    return refuse(`expected whole numbers without point, exponent or sign in its header, got ${odd}`)
  return { metadata, entries }
}

/** A key that one of the objects in a JSON text has twice: JSON.parse keeps the last one silently. */
function repeatedKey(json: string): string | undefined {
  const keys: (Set<string> | null)[] = [] // of the objects around the current place; null for an array
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g) ?? []
  for (const [i, token] of tokens.entries()) {
    if (token === '{') keys.push(new Set())
    else if (token === '[') keys.push(null)
    else if (token === '}' || token === ']') keys.pop()
    else if (token !== ':' && tokens[i + 1] === ':') {
      const key = JSON.parse(token) as string
      const known = keys.at(-1)
      if (known?.has(key)) return key
      known?.add(key)
    }
  }
  return undefined
}

/** A number in a JSON text that is not written as a whole number: JSON.parse takes 1.0 and 1e0 for 1, other readers do not. */
function otherNumber(json: string): string | undefined {
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[-+.\w]+/g) ?? []
  return tokens.find((token) => /^[-\d]/.test(token) && !/^\d+$/.test(token))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
/** NaN once it is beyond what can be addressed, also where a later size of 0 would make it small again. */
const product = (size: number, n: number): number => (Number.isSafeInteger(size * n * 8) ? size * n : NaN)
const elements = (shape: readonly number[]): number => shape.reduce(product, 1)

/**
 * The tensor of that name.
 * @param shape -1 stands for any size
 * @throws GogepoError ERR_FILE when it is missing or has another dtype or shape
 */
export function requireTensor<D extends Dtype>(
  tensors: Record<string, Tensor>,
  name: string,
  dtype: D,
  shape?: readonly number[],
): Tensor<D> {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined
  const wanted = `expected a tensor ${name} (${dtype}${shape ? `, [${shape.map((n) => (n < 0 ? 'any' : n))}]` : ''})`
  if (tensor === undefined) throw new GogepoError('ERR_FILE', `${wanted}, found none.`)
  if (
    tensor.dtype !== dtype ||
    (shape && (shape.length !== tensor.shape.length || shape.some((n, i) => n >= 0 && n !== tensor.shape[i])))
  )
    throw new GogepoError('ERR_FILE', `${wanted}, found ${tensor.dtype}, [${tensor.shape}].`)
  return tensor as Tensor<D>
}
