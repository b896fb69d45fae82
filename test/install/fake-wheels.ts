/** Small wheels with the layout of the real ones, and a server for them that can misbehave. */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Pin, PinnedLibtorch } from '../../lib/install/pins.js'

// Makes a wheel of a folder, with a RECORD, as pip's own tools do.
const zip = `
import base64, hashlib, os, sys, zipfile
folder, out, info = sys.argv[1:]
record = ''
with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as wheel:
    for at, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(at, name)
            data = open(path, 'rb').read()
            inside = os.path.relpath(path, folder)
            wheel.writestr(inside, data)
            record += '%s,sha256=%s,%d\\n' % (inside, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('='), len(data))
    if info != '-':
        record += info + '/RECORD,,\\n'
        wheel.writestr(info + '/RECORD', record)
        print(hashlib.sha256(record.encode()).hexdigest())
`

export interface Fakes {
  /** The folder with the wheels, and PyTorch's zip file beside them. */
  shop: string
  pinned: PinnedLibtorch
  /** PyTorch's archive. */
  archive: string
}

/** Half of a library's bytes compress to nothing, half of them not at all. */
const library = (kilobytes: number): Buffer =>
  Buffer.concat([randomBytes(kilobytes * 512), Buffer.alloc(kilobytes * 512)])

export function fakeWheels(t: Test): Fakes {
  const dir = t.testdir({ shop: {}, contents: {} })
  const shop = join(dir, 'shop')
  const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

  const pack = (file: string, files: Record<string, Buffer | string>, info: string): string => {
    const folder = join(dir, 'contents', file)
    for (const [name, data] of Object.entries(files)) {
      mkdirSync(join(folder, name, '..'), { recursive: true })
      writeFileSync(join(folder, name), data)
    }
    const { status, stdout, stderr } = spawnSync('python3', ['-c', zip, folder, join(shop, file), info], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  const wheel = (name: string, version: string, tag: string, files: Record<string, Buffer | string>): Pin => {
    const start = `${name.replaceAll('-', '_')}-${version}`
    const file = `${start}-${tag}.whl`
    const metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`
    const list = pack(
      file,
      {
        ...files,
        [`${start}.dist-info/METADATA`]: metadata,
        [`${start}.dist-info/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: ${tag}\n`,
      },
      `${start}.dist-info`,
    )
    const path = join(shop, file)
    // The sizes are those of the real ones: only a large wheel is downloaded in parts.
    return { name, version, file, sha256: sha256(path), bytes: name === 'torch' ? 527e6 : statSync(path).size, list }
  }

  const libraries = { 'libc10.so': library(4), 'libtorch_cpu.so': library(600), 'libtorch_cuda.so': library(600) }
  const inside = (folder: string, files: Record<string, Buffer | string>): Record<string, Buffer | string> =>
    Object.fromEntries(Object.entries(files).map(([name, data]) => [`${folder}/${name}`, data]))
  const runtime = (file: string): Record<string, Buffer | string> => ({
    [`nvidia/cu13/lib/${file}`]: library(4),
    [`nvidia/cu13/include/${file}.h`]: '// a header',
  })
  const nothing = 'py3-none-any'
  const pinned: PinnedLibtorch = {
    version: '2.13.0',
    cuda: 'cu130',
    torch: wheel('torch', '2.13.0', 'cp311-cp311-manylinux_2_28_x86_64', {
      'torch/version.py': "__version__ = '2.13.0+cu130'\n",
      ...inside('torch/lib', { ...libraries, 'libgomp.so.1': library(4), 'libtorch_python.so': library(4) }),
      'torch/include/torch/torch.h': '// a header',
      'torch/nn/modules.py': 'pass\n',
    }),
    runtime: wheel('nvidia-cuda-runtime', '13.0.96', nothing, runtime('libcudart.so.13')),
    cupti: wheel('nvidia-cuda-cupti', '13.0.85', nothing, runtime('libcupti.so.13')),
    crt: wheel('nvidia-cuda-crt', '13.0.88', nothing, { 'nvidia/cu13/include/crt/host_defines.h': '//' }),
    libraries: [wheel('nvidia-cublas', '13.1.0', nothing, runtime('libcublas.so.13'))],
  }
  const archive = 'libtorch-shared-with-deps-2.13.0+cpu.zip'
  pack(archive, { 'libtorch/build-version': '2.13.0+cpu\n', ...inside('libtorch/lib', libraries) }, '-')
  return { shop, pinned, archive: join(shop, archive) }
}

export interface Server {
  url: string
  /** The answers sent, such as `200 /torch.whl` and `206 /torch.whl bytes=0-9`. */
  log: string[]
  /** The bytes of all answers. */
  sent(): number
}

export interface Habits {
  /** Whether it sends parts of files. */
  ranges?: boolean
  /** Ends the connection after so many bytes of an answer, as often as `times`. */
  cut?: { after: number; times: number }
  /** Answers a request itself if it returns true. */
  answer?(request: IncomingMessage, response: ServerResponse): boolean
}

/** Serves a folder on a free port of this machine. */
export async function serve(t: Test, folder: string, { ranges = true, cut, answer }: Habits = {}): Promise<Server> {
  const log: string[] = []
  let sent = 0
  let cuts = 0
  const server = createServer((request, response) => {
    if (answer?.(request, response)) return
    const path = decodeURIComponent(new URL(request.url!, 'http://x').pathname)
    const name = path.slice(1)
    if (!readdirSync(folder).includes(name)) {
      log.push(`404 ${path}`)
      response.writeHead(404).end()
      return
    }
    const bytes = readFileSync(join(folder, name))
    const [, first, last] = (ranges && /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')) || []
    let [start, end] = [0, bytes.length]
    if (first !== undefined) {
      start = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first)
      end = first === '' || last === '' ? bytes.length : Number(last) + 1
      log.push(`206 ${path} ${request.headers.range}`)
      if (start >= bytes.length) {
        response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
        return
      }
      response.writeHead(206, {
        'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
        'content-length': end - start,
      })
    } else {
      log.push(`200 ${path}`)
      response.writeHead(200, { 'content-length': bytes.length })
    }
    const body = bytes.subarray(start, end)
    if (cut && cuts < cut.times && body.length > cut.after) {
      cuts++
      sent += cut.after
      response.write(body.subarray(0, cut.after), () => setTimeout(() => response.destroy(), 50))
    } else {
      sent += body.length
      response.end(body)
    }
  })
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', () => settle()))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, log, sent: () => sent }
}
