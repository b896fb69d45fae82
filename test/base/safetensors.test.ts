import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import {
  readSafetensors,
  requireTensor,
  writeSafetensors,
  type Tensor,
  type TensorFile,
} from '../../lib/base/safetensors.js'

const file: TensorFile = {
  tensors: {
    weights: { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, NaN, Infinity, 1e-45) },
    double: { dtype: 'F64', shape: [2], data: Float64Array.of(Math.PI, -0) },
    empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
    scalar: { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
    'ganz: "größe" \n': { dtype: 'I32', shape: [1, 1, 2], data: Int32Array.of(-1, 2 ** 31 - 1) },
    flags: { dtype: 'U8', shape: [3], data: Uint8Array.of(0, 1, 255) },
  },
  metadata: { made: 'by a test', settings: '{"a":1}' },
}

test('what is written is read', async (t) => {
  const path = join(t.testdir(), 'a.safetensors')
  writeSafetensors(path, file)
  const read = readSafetensors(path)
  t.strictSame({ tensors: { ...read.tensors }, metadata: { ...read.metadata } }, file)
  t.strictSame(readdirSync(t.testdirName), ['a.safetensors'], 'and nothing is left beside it')
  writeSafetensors(path, { tensors: {}, metadata: {} })
  t.strictSame(Object.keys(readSafetensors(path).tensors), [])
  t.throws(
    () =>
      writeSafetensors(path, {
        tensors: { a: { dtype: 'F32', shape: [2, 2], data: new Float32Array(3) } },
        metadata: {},
      }),
    { code: 'ERR_SHAPE', message: /tensor a of shape \[2,2\].* 4 .* 3/ },
  )
  t.strictSame(Object.keys(readSafetensors(path).tensors), [], 'a refused file leaves the old one')
})

test('the bytes are those of the format', async (t) => {
  const path = join(t.testdir(), 'a.safetensors')
  writeSafetensors(path, { tensors: { a: { dtype: 'F32', shape: [1], data: Float32Array.of(1) } }, metadata: {} })
  const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.padEnd(56)
  t.strictSame(
    readFileSync(path),
    Buffer.concat([Buffer.from([56, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.from([0, 0, 0x80, 0x3f])]),
  )
})

/** A file with this header, as it stands, and so many bytes of data. */
function raw(path: string, header: unknown, bytes: number, length?: bigint): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(length ?? BigInt(text.length))
  writeFileSync(path, Buffer.concat([size, text, Buffer.alloc(bytes)]))
  return path
}

test('every kind of damage is refused, and named', async (t) => {
  const path = join(t.testdir({ folder: {} }), 'a.safetensors')
  const a = (change: object = {}) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...change } })
  t.strictSame(readSafetensors(raw(path, a(), 8)).tensors['a']?.shape, [2], 'this one is sound')
  const numbered = { __metadata__: { '-1.5e3': 'a \\" -2.5' }, ...a() }
  t.ok(readSafetensors(raw(path, numbered, 8)).tensors['a'], 'digits inside text are text')
  t.ok(
    readSafetensors(raw(path, '{"\\ud83d\\ude00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0)).tensors['😀'],
  )
  const damages: [header: unknown, bytes: number, words: RegExp, length?: bigint][] = [
    [a(), 7, /tensor a .*byte/],
    [a(), 9, /1 byte .*last tensor/],
    [a(), 8, /its header would take/, 1000n],
    [a(), 8, /its header would take/, 2n ** 63n],
    [a(), 8, /header is not .*JSON/, 20n],
    ['{"a":1', 0, /header is not .*JSON/],
    ['[]', 0, /header is not .*object/],
    ['null', 0, /header is not .*object/],
    [{ a: [] }, 0, /\ba\b.* is not an object/],
    [{ __metadata__: { x: 1 }, ...a() }, 8, /metadata .*x is not a string/],
    [a({ dtype: 'F16' }), 8, /tensor a.*dtype.*F16/],
    [a({ dtype: 'toString' }), 8, /tensor a.*dtype.*toString/],
    [a({ dtype: undefined }), 8, /tensor a.*dtype.*nothing/],
    [a({ shape: [-2] }), 8, /tensor a .*shape/],
    [a({ shape: [1.5] }), 8, /tensor a .*shape/],
    [a({ shape: 2 }), 8, /tensor a .*shape/],
    [a({ shape: [2 ** 40, 2 ** 40] }), 8, /tensor a .*shape/],
    [a({ shape: [2 ** 32, 2 ** 32, 0], data_offsets: [0, 0] }), 0, /tensor a .*shape/],
    [a({ shape: [3] }), 8, /0–12/],
    [a({ data_offsets: [0] }), 8, /tensor a .*offsets/],
    [a({ data_offsets: [8, 0] }), 8, /tensor a .*offsets/],
    [a({ data_offsets: [4, 12] }), 12, /0–8/],
    [{ ...a(), b: a().a }, 8, /8–16/],
    [`{"a":${JSON.stringify(a().a)},"a":${JSON.stringify(a().a)}}`, 8, /key a twice/],
    [`{"a":${JSON.stringify(a().a)},"\\u0061":${JSON.stringify(a().a)}}`, 8, /key a twice/],
    ['{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}', 8, /key shape twice/],
    [`{"__metadata__":{},"__metadata__":{},"a":${JSON.stringify(a().a)}}`, 8, /key __metadata__ twice/],
    ['{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', 8, /whole numbers .* got 2\.0/],
    ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[-0,8]}}', 8, /whole numbers .* got -0/],
    ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8e0]}}', 8, /whole numbers .* got 8e0/],
    [`\uFEFF${JSON.stringify(a())}`, 8, /header is not .*JSON/],
    [{ '\ud800': a().a }, 8, /half of a surrogate pair/],
    [{ __metadata__: { x: 'a\udfffb' }, ...a() }, 8, /half of a surrogate pair/],
    [{ __metadata__: { '\ude00\ud83d': '' }, ...a() }, 8, /half of a surrogate pair/],
    [{ ...a(), b: { dtype: 'U8', shape: [1], data_offsets: [9, 10] } }, 10, /8–9/],
  ]
  for (const [header, bytes, words, length] of damages)
    t.throws(
      () => readSafetensors(raw(path, header, bytes, length)),
      { code: 'ERR_FILE', message: words },
      String(words),
    )
  writeFileSync(path, 'short')
  t.throws(() => readSafetensors(path), { code: 'ERR_FILE', message: /8 bytes.*5/ })
  t.throws(() => readSafetensors(join(t.testdirName, 'folder')), { code: 'ERR_FILE' })
  t.throws(() => readSafetensors(join(t.testdirName, 'none')), { code: 'ERR_FILE', message: /none.*ENOENT/ })
})

test('names that objects have of themselves are names', async (t) => {
  const path = raw(
    join(t.testdir(), 'a.safetensors'),
    '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"toString":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
    2,
  )
  const { tensors } = readSafetensors(path)
  t.strictSame(Object.keys(tensors).sort(), ['__proto__', 'toString'])
  t.throws(() => requireTensor(tensors, 'hasOwnProperty', 'U8'), { code: 'ERR_FILE', message: /found none/ })
})

test('whatever the bytes, a file is read or refused', async (t) => {
  const path = join(t.testdir(), 'a.safetensors')
  writeSafetensors(path, file)
  const sound = readFileSync(path)
  let state = 12345
  const random = (below: number): number => (state = (state * 1103515245 + 12345) % 2 ** 31) % below
  let refused = 0
  for (let i = 0; i < 600; i++) {
    const bytes = Buffer.from(i % 3 === 0 ? sound.subarray(0, random(sound.length)) : sound)
    for (let n = 0; n < 1 + (i % 4) && bytes.length > 0; n++)
      bytes[random(Math.min(bytes.length, i % 2 === 0 ? 12 : bytes.length))] = random(256)
    writeFileSync(path, bytes)
    try {
      readSafetensors(path)
    } catch (error) {
      refused++
      if ((error as { code?: string }).code !== 'ERR_FILE') t.fail(`byte pattern ${i}: ${String(error)}`)
    }
  }
  t.ok(refused > 300, `${refused} were refused`)
})

test('a tensor is asked for by name, kind and shape', async (t) => {
  const tensors: Record<string, Tensor> = file.tensors
  t.equal(requireTensor(tensors, 'weights', 'F32', [2, -1]), tensors['weights'])
  t.equal(requireTensor(tensors, 'weights', 'F32'), tensors['weights'])
  t.throws(() => requireTensor(tensors, 'weights', 'F64'), {
    code: 'ERR_FILE',
    message: 'expected a tensor weights (F64), found F32, [2,3].',
  })
  t.throws(() => requireTensor(tensors, 'weights', 'F32', [6]), {
    message: 'expected a tensor weights (F32, [6]), found F32, [2,3].',
  })
  t.throws(() => requireTensor(tensors, 'weight', 'F32', [-1, 3]), {
    message: 'expected a tensor weight (F32, [any,3]), found none.',
  })
})
