/** The bytes of TensorBoard's event files: protocol buffers in records with checksums. */

/** A field with a whole number that is not negative. */
export const integer = (field: number, value: number): Uint8Array =>
  Buffer.from([...varint(field << 3), ...varint(value)])

export function double(field: number, value: number): Uint8Array {
  const data = Buffer.alloc(9)
  data[0] = (field << 3) | 1
  data.writeDoubleLE(value, 1)
  return data
}

export const bytes = (field: number, data: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(data.length)]), data])

export const text = (field: number, value: string): Uint8Array => bytes(field, Buffer.from(value))

export const message = (field: number, parts: readonly Uint8Array[]): Uint8Array => bytes(field, Buffer.concat(parts))

function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  return [...out, rest]
}

/** Event: wall_time = 1, step = 2, and what happened. */
export const event = (wallTime: number, step: number, what: Uint8Array): Uint8Array =>
  Buffer.concat([double(1, wallTime), integer(2, step), what])

/** A record: its length and a checksum of that, its data and a checksum of that. */
export function record(data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([length, masked(length), data, masked(data)])
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let bits = byte
  for (let i = 0; i < 8; i++) bits = bits & 1 ? (bits >>> 1) ^ 0x82f63b78 : bits >>> 1
  return bits >>> 0
})

/** CRC-32C, rotated and shifted by a constant: a checksum of data that contain checksums stays sound. */
function masked(data: Uint8Array): Uint8Array {
  let crc = 0xffffffff
  for (const byte of data) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  crc = (crc ^ 0xffffffff) >>> 0
  const out = Buffer.alloc(4)
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0)
  return out
}
