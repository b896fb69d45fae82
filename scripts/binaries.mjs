// What a shared library needs from the system and offers to it, and what a binary of a release may need and offer.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { root } from './files.mjs'

/** The oldest system that a release runs on: what LibTorch needs, glibc 2.28 and GCC 7’s C++ library. */
const floor = { GLIBC: '2.28', GLIBCXX: '3.4.22', CXXABI: '1.3.11' }

const addon = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
const exportsOf = [
  [/^gogepo(-engine\.torch\d+\.\d+\.so|\.node)$/, (names) => names.join() === addon.join()],
  [/^gogepo-cuda\.torch\d+\.\d+\.so$/, (names) => names.join() === 'gogepo_cuda_part_2'],
  [/^gogepo-actor\.so$/, (names) => names.length > 0 && names.every((name) => name.startsWith('gogepo_actor_'))],
]

const newest = (versions) => versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)

/** The newest symbol versions that it needs, the names that it exports, where it makes the system search for libraries. */
export function examine(path) {
  const { status, stdout, stderr } = spawnSync('objdump', ['-p', '-T', path], { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`objdump could not read ${path}: ${stderr}`)
  const [, references = ''] = stdout.split('Version References:')
  const needs = Object.fromEntries(
    Object.keys(floor).map((library) => [
      library,
      newest([...references.matchAll(new RegExp(`\\b${library}_(\\d[\\d.]*)$`, 'gm'))].map(([, version]) => version)),
    ]),
  )
  const exported = [...stdout.matchAll(/^[0-9a-f]{16} ([gwu ].{6}) (?!\*UND\*)\S+\t\S+ +(?:\(?(\S+?)\)? +)?(\S+)$/gm)]
  return {
    needs,
    exports: exported.map(([, , , name]) => name).sort(),
    searches: [...stdout.matchAll(/^ +(?:RPATH|RUNPATH) +(.*)$/gm)].map(([, where]) => where),
  }
}

/** What is wrong with a binary of a release, in sentences. */
export function problems(path) {
  const name = basename(path)
  const { needs, exports, searches } = examine(path)
  const bytes = readFileSync(path)
  const found = []
  for (const [library, least] of Object.entries(floor))
    if (needs[library] !== undefined && newest([needs[library], least]) !== least)
      found.push(`${name} needs ${library}_${needs[library]}, but ${library}_${least} is the newest that it may need`)
  if (searches.length > 0) found.push(`${name} searches for libraries in ${searches.join(', ')}`)
  const rule = exportsOf.find(([pattern]) => pattern.test(name))
  if (rule && !rule[1](exports))
    found.push(`${name} exports ${exports.slice(0, 5).join(', ') || 'nothing'}, which it should not`)
  for (const folder of new Set([root, homedir(), '/home/', '/tmp/', '/build/']))
    if (rule && bytes.includes(`${folder.replace(/\/$/, '')}/`)) found.push(`${name} contains the path ${folder}`)
  return found
}

/** A file's entry in manifest.json. */
export function entryOf(path) {
  const bytes = readFileSync(path)
  const { needs } = examine(path)
  const torch = /\.torch(\d+\.\d+)\.so$/.exec(path)?.[1]
  return {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...(torch !== undefined && { torch }),
    glibc: needs.GLIBC ?? '',
    glibcxx: needs.GLIBCXX ?? '',
  }
}

/** The entries of several files, and the newest versions that any of them needs. */
export function manifestOf(folder, names) {
  const files = Object.fromEntries(names.sort().map((name) => [name, entryOf(join(folder, name))]))
  const most = (key) => newest(Object.values(files).map((file) => file[key]))
  return { needs: { glibc: most('glibc'), glibcxx: most('glibcxx') }, files }
}
