/** This package on the disk: where it is and which version. Everything that opens a file of the package begins here. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GogepoError } from './errors.js'

interface PackageJson {
  name?: string
  version: string
}

/** The folder of package.json. */
export const packageFolder = findFolder(import.meta.url)

/** The version of this package. */
export const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as PackageJson

/** Whether this is a clone of the repository, which can build the addon, rather than an installed package. */
export const isClone = existsSync(join(packageFolder, 'CMakeLists.txt'))

/**
 * @param url of this file; a bundler replaces or removes it
 * @throws GogepoError ERR_BUNDLED
 */
export function findFolder(url: string | undefined): string {
  try {
    const folder = fileURLToPath(new URL('../..', url))
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson
    if (name === 'gogepo') return folder
  } catch {
    // Not the package's own folder: see below.
  }
  throw new GogepoError(
    'ERR_BUNDLED',
    'gogepo was bundled into another file, which separates it from its native libraries. Leave it out of the bundle and install it beside: --external:gogepo for esbuild, externals: { gogepo: "module gogepo" } for webpack, serverExternalPackages: ["gogepo"] for Next.js.',
  )
}
