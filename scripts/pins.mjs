// Writes lib/install/pinned-wheels.ts: which wheels each LibTorch consists of, with their hashes, as pip's index has them
// now. For maintainers; run it to support another version: node scripts/pins.mjs 2.13.0 2.15.0
//   --wheels <folder>   where the wheels of torch are kept between runs; each takes half a gigabyte
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { openZip } from '../dist/install/zip.js'
import { root } from './files.mjs'

const { values, positionals: versions } = parseArgs({ allowPositionals: true, options: { wheels: { type: 'string' } } })
const folder = values.wheels ?? mkdtempSync(join(tmpdir(), 'gogepo-pins-'))
mkdirSync(folder, { recursive: true })

const tags = [
  ...Array.from({ length: 24 }, (_, i) => `manylinux_2_${i + 5}`),
  'manylinux1',
  'manylinux2010',
  'manylinux2014',
]
const choice = [
  ...['--no-deps', '--only-binary=:all:', '--quiet', '--disable-pip-version-check'],
  ...['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311', '--abi', 'none'],
  ...tags.flatMap((tag) => ['--platform', `${tag}_x86_64`]),
]

function pip(command, ...args) {
  const { status, stdout, stderr } = spawnSync('python3', ['-m', 'pip', command, ...choice, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** Downloads a wheel, and returns its path. */
function wheel(requirement) {
  const [name, version] = requirement.split('==')
  const start = `${name.replaceAll('-', '_')}-${version.replace('.*', '')}`
  const find = () => readdirSync(folder).find((file) => file.startsWith(start) && file.endsWith('.whl'))
  if (!find()) pip('download', '--dest', folder, requirement)
  return join(folder, find())
}

async function member(path, name) {
  const zip = await openZip(path)
  const full = [...zip.files.keys()].find((file) => file.endsWith(`.dist-info/${name}`))
  const bytes = await buffer(await zip.read(full))
  zip.close()
  return bytes
}

/** What a wheel needs from NVIDIA: name==version, for one of these extras. */
async function needs(path, extras = []) {
  const metadata = (await member(path, 'METADATA')).toString()
  return [...metadata.matchAll(/^Requires-Dist: ((?:nvidia|cuda-toolkit)[\w-]*)(?:\[([^\]]*)\])?==([^; ]+)(.*)$/gm)]
    .filter(([, , , , condition]) => {
      const extra = /extra == '([^']+)'/.exec(condition)?.[1]
      return extra === undefined || extras.includes(extra)
    })
    .map(([, name, list, version]) => ({ name, version, extras: list?.split(',') ?? [] }))
}

/** A wheel that is here, with the hash of its list of files, by which parts of it can be checked. */
async function pinned(path, name) {
  const file = basename(path)
  return {
    name,
    version: file.split('-')[1],
    file,
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    bytes: statSync(path).size,
    list: createHash('sha256')
      .update(await member(path, 'RECORD'))
      .digest('hex'),
  }
}

/** Wheels that are too large to be fetched for this: pip says their names and hashes. */
function reported(requirements) {
  const report = JSON.parse(
    pip('install', '--dry-run', '--ignore-installed', '--target', folder, '--report', '-', ...requirements),
  )
  return report.install.map(({ metadata, download_info: { url, archive_info } }) => ({
    name: metadata.name,
    version: metadata.version,
    file: decodeURIComponent(basename(new URL(url).pathname)),
    sha256: archive_info.hashes.sha256,
  }))
}

const found = []
for (const version of versions) {
  const torch = wheel(`torch==${version}`)
  const direct = await needs(torch)
  const toolkit = direct.find(({ name }) => name === 'cuda-toolkit')
  const list = wheel(`cuda-toolkit==${toolkit.version}`)
  const parts = await needs(list, toolkit.extras)
  const crt = (await needs(list, ['all'])).find(({ name }) => name === 'nvidia-cuda-crt').version
  const all = [...direct.filter((part) => part !== toolkit), ...parts]
  const one = (name) => `${name}==${all.find((part) => part.name === name).version}`
  const small = ['nvidia-cuda-runtime', 'nvidia-cuda-cupti']
  const [runtime, cupti] = await Promise.all(small.map((name) => pinned(wheel(one(name)), name)))
  found.push({
    version,
    cuda: `cu${toolkit.version.split('.').slice(0, 2).join('')}`,
    torch: await pinned(torch, 'torch'),
    runtime,
    cupti,
    crt: await pinned(wheel(`nvidia-cuda-crt==${crt}`), 'nvidia-cuda-crt'),
    libraries: reported(all.filter(({ name }) => !small.includes(name)).map(({ name, version: v }) => `${name}==${v}`)),
  })
}

const path = join(root, 'lib', 'install', 'pinned-wheels.ts')
writeFileSync(
  path,
  `/** The wheels of each LibTorch, as \`node scripts/pins.mjs ${versions.join(' ')}\` found them. */
import type { PinnedLibtorch } from './pin.js'

export const pinnedVersions: readonly PinnedLibtorch[] = ${JSON.stringify(found, null, 2)}
`,
)
spawnSync(process.execPath, [join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs'), '--write', path])
