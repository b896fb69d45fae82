// Finds the source files of the repository without git, so that linters also work in an unpacked archive.
import { readdirSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folders = ['bench', 'docs', 'examples', 'lib', 'native', 'scripts', 'test']
const generated = new Set(['.tap', 'api', 'node_modules', 'runs', '__pycache__'])

/** The paths, relative to the root, of all files with one of these extensions. */
export function sourceFiles(...extensions) {
  const inFolder = (folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory()
        ? generated.has(entry.name)
          ? []
          : inFolder(join(folder, entry.name))
        : [join(folder, entry.name)],
    )
  const atRoot = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile())
  return [...atRoot.map(({ name }) => name), ...folders.flatMap(inFolder)]
    .filter((path) => extensions.includes(extname(path)))
    .sort()
}
