import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

// A script, not a module of the package: it has no types.
const script = new URL('../../scripts/binaries.mjs', import.meta.url).href
const { problems } = (await import(script)) as { problems: (path: string) => string[] }

const release = fileURLToPath(new URL('../../build/Release', import.meta.url))
const compiler = Number(/ (\d+)\./.exec(spawnSync('g++', ['--version'], { encoding: 'utf8' }).stdout)?.[1])

test(
  'binaries that this clone builds run on the systems that a release promises, and export what they should',
  { skip: compiler !== 12 && 'a release is built with GCC 12' },
  async (t) => {
    const names = readdirSync(release).filter((name) => /\.(so|node)$/.test(name))
    t.ok(names.length >= 3)
    // A build that is not stripped contains paths; a release does not.
    for (const name of names)
      t.strictSame(
        problems(join(release, name)).filter((problem) => !problem.includes('contains the path')),
        [],
        name,
      )
  },
)
