import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { BufferPlacement } from '../../lib/algorithms/gogepo-memory.js'
import { findDriver, versionIn, whyNoDevice, whyNoDriver } from '../../lib/native/cuda.js'
import type { Device, Native } from '../../lib/native/contract.js'
import { openAddon } from '../../lib/native/addon.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const libtorch = { version: '2.13.0+cu130' }

test('the driver’s version is read from what its module says', async (t) => {
  t.equal(
    versionIn(
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc version 12.3.0\n',
    ),
    '535.104.05',
  )
  t.equal(versionIn('NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65  Release Build\n'), '580.65')
  t.equal(versionIn('something else'), undefined)
})

test('why there is no driver: none, or one whose library a container does not have', async (t) => {
  const libraryFails = 'libcuda.so.1: cannot open shared object file'
  t.equal(whyNoDriver({}), undefined)
  t.match(whyNoDriver({ libraryFails }), /no NVIDIA driver \(libcuda.*\).*--device cpu\.$/)
  t.match(whyNoDriver({ version: '580.65.06', libraryFails }), /driver 580\.65\.06, .*libcuda.*docker run --gpus all/)
})

test('why there is no such device: too old a driver, hidden, none, or another number', async (t) => {
  t.match(whyNoDevice(0, { version: '535.104.05' }, libtorch), /2\.13\.0\+cu130 .*driver 580 .*535\.104\.05/)
  t.match(
    whyNoDevice(0, { version: '535.104.05', visible: '' }, { version: '2.13.0+cu126' }),
    /CUDA_VISIBLE_DEVICES is ""/,
  )
  t.match(whyNoDevice(0, { version: '580.65.06' }, libtorch), /no CUDA device.*driver 580\.65\.06.*nvidia-smi/)
  t.match(whyNoDevice(0, {}, { version: '2.13.0' }), /no CUDA device.*nvidia-smi/)
  t.match(whyNoDevice(1, {}, libtorch), /one CUDA device, cuda:0\./)
  t.match(whyNoDevice(4, {}, libtorch), /4 CUDA devices, cuda:0 to cuda:3\./)
})

test('a driver is looked for without starting it', async (t) => {
  const asked: string[] = []
  t.match(
    findDriver((name) => void asked.push(name), { CUDA_VISIBLE_DEVICES: '1' }),
    { visible: '1' },
  )
  t.strictSame(asked, ['libcuda.so.1'])
  t.equal(
    findDriver(() => {
      throw new Error('not there')
    }, {}).libraryFails,
    'not there',
  )
})

const gpu = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8' })
const hasGpu = gpu.status === 0 && gpu.stdout.startsWith('GPU ')
const withGpu = hasGpu ? false : 'no GPU here'

/** What a process of its own says as JSON. */
function run(t: Test, script: string): unknown {
  const prelude = `
    const { openNative, cudaUse } = await import('./dist/native/open.js')
    const say = (value) => console.log(JSON.stringify(value))
    const code = (call) => { try { return call() } catch (error) { return [error.code, error.message] } }`
  const { stdout, stderr, signal, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `${prelude}\n${script}`],
    { cwd: root, encoding: 'utf8' },
  )
  t.strictSame({ signal, status }, { signal: null, status: 0 }, stderr)
  return JSON.parse(stdout)
}

test(
  'asking for CUDA without a GPU is an error that says why; auto takes the CPU',
  { skip: hasGpu && 'there is a GPU here' },
  async (t) => {
    t.match(run(t, 'say(code(() => openNative("cuda:1")))'), ['ERR_CUDA_UNAVAILABLE', /\bcuda(:1)? .*--device cpu\.$/])
    const { stdout, status } = spawnSync(
      process.execPath,
      [
        join(root, 'dist', 'cli', 'main.js'),
        'train',
        'Pendulum-v1',
        '--device',
        'cuda',
        '--run',
        join(t.testdir(), 'run'),
        '--json',
      ],
      { encoding: 'utf8' },
    )
    t.equal(status, 1)
    t.match(JSON.parse(stdout), { error: { code: 'ERR_CUDA_UNAVAILABLE' } })
    t.notOk(existsSync(join(t.testdirName, 'run')))
    const doctor = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), 'doctor', '--json'], {
      encoding: 'utf8',
    })
    t.match(JSON.parse(doctor.stdout), { check: { device: 'cpu', cuda: /--device cpu\.$/ } })
    t.strictSame(
      run(t, 'const native = openNative("auto"); say([native.cudaDevices(), cudaUse(native, "cpu") ?? null])'),
      [[], null],
    )
  },
)

/** test/device.mjs, for plain Node. */
function onDevice(t: Test, device: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'test', 'device.mjs'), device], {
    encoding: 'utf8',
  })
  t.equal(status, 0, `${stdout}${stderr}`)
}

test('a buffer that would take more than a quarter of the device’s memory is in the host’s, if that can hold it', async (t) => {
  const native = { cudaDevices: () => [{ memory: 4e9 }, { memory: 1e9 }] } as unknown as Native
  const place = (device: string, bufferSize: number, policy = 1e5) =>
    new BufferPlacement(native, { name: device } as Device, { generator: 1, critic: 1, policy }, { bufferSize })
  const first = place('cuda:0', 2500)
  t.match(first, { pinned: false, onDevice: true, fullBytes: 1e9 })
  t.match(place('cuda:0', 2500), { pinned: true }, 'the buffers of all learners share it')
  t.match(place('cuda:1', 625), { pinned: false }, 'of each device')
  first.release()
  t.match(place('cuda:0', 2501), { pinned: true })
  const again = place('cuda:0', 2500)
  t.match(again, { pinned: false })
  again.release()
  t.match(place('cpu', 1e6), { pinned: false, onDevice: false }, 'on a CPU there is one memory')
  t.throws(() => place('cuda:0', 1e6, 1e9), { code: 'ERR_MEMORY' })
})

test('what must hold on a device holds on the CPU, with the backend that a GPU uses', async (t) => onDevice(t, 'cpu'))
test('what must hold on a device holds on the GPU', { skip: withGpu }, async (t) => onDevice(t, 'cuda:0'))

/** Names of a library's dynamic symbols. */
function symbols(library: string, kind: '--undefined-only' | '--defined-only'): string[] {
  const { stdout, status } = spawnSync('nm', ['-D', '--no-sort', '-P', kind, library], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  if (status !== 0) throw new Error(`nm could not read ${library}`)
  return stdout
    .split('\n')
    .map((line) => line.split(' ')[0]!.split('@')[0]!)
    .filter((name) => name !== '')
}

const { libtorch: found, cudaPart } = openAddon()
const cudaHeaders = join(found.folder, '..', 'nvidia', 'cu13', 'include', 'crt', 'host_defines.h')

test(
  'the part for CUDA graphs is built where CUDA’s headers are, and LibTorch and CUDA’s runtime have every symbol it needs',
  { skip: !existsSync(cudaHeaders) && 'no CUDA headers beside this LibTorch' },
  async (t) => {
    const lib = (name: string): string => join(found.folder, 'lib', name)
    const sources = [
      lib('libc10.so'),
      lib('libc10_cuda.so'),
      lib('libtorch_cpu.so'),
      lib('libtorch_cuda.so'),
      join(found.folder, '..', 'nvidia', 'cu13', 'lib', 'libcudart.so.13'),
    ]
    const needed = symbols(cudaPart, '--undefined-only').filter((name) => /cuda|c10|2at|^cu[A-Z]/.test(name))
    const there = new Set(sources.flatMap((source) => symbols(source, '--defined-only')))
    t.ok(needed.some((name) => name.includes('CUDAGraph') && name.includes('capture_begin')))
    t.ok(needed.some((name) => name.includes('CUDAGraph') && name.includes('replay')))
    t.strictSame(
      needed.filter((name) => !there.has(name)),
      [],
    )
    t.strictSame(
      symbols(cudaPart, '--defined-only').filter((name) => name.startsWith('gogepo')),
      ['gogepo_cuda_part_2'],
    )
  },
)

test(
  'opening the part for CUDA graphs without LibTorch’s own is refused in words',
  { skip: withGpu === false && 'there is a GPU here' },
  async (t) => {
    const said = run(
      t,
      `
    const { openAddon } = await import('./dist/native/addon.js')
    const native = openNative('cpu'), { cudaPart } = openAddon()
    say([code(() => native.openCudaPart(cudaPart)), code(() => native.openCudaPart(cudaPart + '.not'))])`,
    )
    t.match(said, [
      ['ERR_ENGINE', /lib(torch|c10)_cuda\.so|libcudart/],
      ['ERR_ENGINE', /\.not/],
    ])
  },
)
