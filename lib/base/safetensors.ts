/**
 * Reads and writes safetensors files (the format of huggingface/safetensors: a length, a JSON header, then the numbers).
 * The reader is strict: what it accepts is whole, in order, without gaps, and of the size the header says.
 */
import { closeSync } from 'node:fs'
import { GogepoError } from './errors.js'
import { openToRead, readExactly, writeWhole } from './files.js'
import { quoted } from './words.js'

const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array } as const
export type Dtype = keyof typeof arrays
interface ArrayOf {
  F32: Float32Array
  F64: Float64Array
  I32: Int32Array
  I64: BigInt64Array
  U8: Uint8Array
}

/** Numbers in row-major order with their shape. */
export type Tensor<D extends Dtype = Dtype> = D extends Dtype
  ? { dtype: D; shape: readonly number[]; data: ArrayOf[D] }
  : never

export interface TensorFile {
  tensors: Record<string, Tensor>
  metadata: Record<string, string>
}

const maximumHeader = 100_000_000

/**
 * The bytes of a file, piece by piece; a tensor's piece is its own memory.
 * @param name for error texts
 * @throws GogepoError ERR_SHAPE when a tensor's data does not fill its shape.
 */
export function encodeSafetensors(name: string, { tensors, metadata }: TensorFile): Uint8Array[] {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {}
  let end = 0
  for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
    if (count(shape) !== data.length)
      throw new GogepoError(
        'ERR_SHAPE',
        `${name}: tensor ${key} of shape [${shape}] needs ${count(shape)} numbers, got ${data.length}.`,
      )
    header[key] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] }
  }
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
 * @throws GogepoError ERR_FILE, saying what is wrong with it.
 */
export function readSafetensors(path: string): TensorFile {
  const refuse = (what: string): never => {
    throw new GogepoError('ERR_FILE', `${path} is not a sound safetensors file: ${what}.`)
  }
  let file: number, size: number
  try {
    ;({ file, size } = openToRead(path))
  } catch (error) {
    throw new GogepoError('ERR_FILE', `Cannot read ${path}: ${(error as Error).message}.`, { cause: error })
  }
  try {
    const read = (bytes: Uint8Array, position: number): void => {
      try {
        readExactly(file, bytes, position)
      } catch (error) {
        refuse((error as Error).message)
      }
    }
    if (size < 8) refuse(`expected at least 8 bytes, got ${size}`)
    const lengthBytes = Buffer.alloc(8)
    read(lengthBytes, 0)
    const headerSize = lengthBytes.readBigUInt64LE()
    if (headerSize > BigInt(maximumHeader) || headerSize > BigInt(size - 8))
      refuse(`its header would take ${headerSize} bytes of ${size}`)
    const headerBytes = Buffer.alloc(Number(headerSize))
    read(headerBytes, 8)
    const start = 8 + headerBytes.length
    const { metadata, entries } = parseHeader(headerBytes, refuse)

    let end = 0
    const tensors: Record<string, Tensor> = Object.create(null) as Record<string, Tensor>
    for (const { name, dtype, shape, offsets } of entries.sort(
      (a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1],
    )) {
      const bytes = count(shape) * arrays[dtype].BYTES_PER_ELEMENT
      if (offsets[0] !== end || offsets[1] - offsets[0] !== bytes)
        refuse(
          `tensor ${quoted(name)} of shape [${shape}] (${dtype}) lies at ${offsets.join('–')}, expected ${end}–${end + bytes}`,
        )
      end = offsets[1]
      if (start + end > size) refuse(`tensor ${quoted(name)} ends at byte ${start + end} of ${size}`)
      const data = new arrays[dtype](count(shape))
      read(new Uint8Array(data.buffer), start + offsets[0])
      tensors[name] = { dtype, shape, data } as Tensor
    }
    if (start + end !== size) refuse(`${size - start - end} bytes follow the last tensor`)
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
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    refuse('its header is not JSON')
  }
  if (!isRecord(header)) return refuse('its header is not an object')
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>
  const entries: Entry[] = []
  for (const [name, value] of Object.entries(header)) {
    if (!isRecord(value)) return refuse(`entry ${quoted(name)} of its header is not an object`)
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(value))
        metadata[key] = typeof text === 'string' ? text : refuse(`metadata ${quoted(key)} is not a string`)
      continue
    }
    const { dtype, shape, data_offsets: offsets } = value
    if (typeof dtype !== 'string' || !Object.hasOwn(arrays, dtype))
      return refuse(
        `tensor ${quoted(name)} has dtype ${typeof dtype === 'string' ? quoted(dtype) : typeof dtype}, expected ${Object.keys(arrays).join(', ')}`,
      )
    if (!isSizes(shape) || !Number.isSafeInteger(count(shape) * 8))
      return refuse(`tensor ${quoted(name)} has an impossible shape`)
    if (!isSizes(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!)
      return refuse(`tensor ${quoted(name)} has impossible offsets`)
    if (Object.keys(value).length !== 3)
      return refuse(`tensor ${quoted(name)} says more than dtype, shape and data_offsets`)
    entries.push({ name, dtype: dtype as Dtype, shape, offsets: offsets as [number, number] })
  }
  return { metadata, entries }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
const count = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/**
 * The tensor of that name.
 * @param shape -1 stands for any number
 * @throws GogepoError ERR_FILE when it is missing, of another dtype or of another shape.
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
