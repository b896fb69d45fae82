/** The package's native binaries: where they are, which LibTorch versions they were built for, what system they need. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isClone, packageFolder } from '../base/package.js'
import { pinnedMinors } from './pins.js'

/** What `npm run prebuilt` writes beside the binaries. */
export interface BinaryManifest {
  gogepo: string
  /** The commit that they were built from. */
  commit: string
  compiler: string
  /** The newest version of each library that any of the files needs. */
  needs: { glibc: string; glibcxx: string }
  files: Record<string, BinaryFile>
}
export interface BinaryFile {
  size: number
  sha256: string
  /** The minor version of LibTorch that it was built for. */
  torch?: string
  glibc: string
  glibcxx: string
}

const built = join(packageFolder, 'build', 'Release')
/** Where an installed package has its binaries. */
export const prebuilds = join(packageFolder, 'prebuilds', 'linux-x64')

/** The folder of the loader and everything beside it: this clone's build, otherwise what the package brings along. */
export const binariesFolder = (): string => (existsSync(join(built, 'gogepo.node')) ? built : prebuilds)

/** Undefined in a clone, whose binaries are built for the machine that they are on. */
export function readManifest(folder = binariesFolder()): BinaryManifest | undefined {
  const path = join(folder, 'manifest.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as BinaryManifest) : undefined
}

/** The addon for one minor version of LibTorch. The file may be missing. */
export const engineName = (minor: string): string => `gogepo-engine.torch${minor}.so`

/**
 * The minor versions of LibTorch that can be used, in order. LibTorch's C++ interface changes between them, so each needs
 * an addon of its own. A clone that has built none yet can build any that it has the hashes of.
 */
export function engineMinors(folder = binariesFolder()): readonly string[] {
  const manifest = readManifest(folder)
  const names = manifest ? Object.keys(manifest.files) : existsSync(folder) ? readdirSync(folder) : []
  const minors = names.flatMap((name) => /^gogepo-engine\.torch(\d+\.\d+)\.so$/.exec(name)?.[1] ?? [])
  if (minors.length === 0 && isClone) return pinnedMinors
  return minors.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}
