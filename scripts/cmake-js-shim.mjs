#!/usr/bin/env node
// What prebuildify calls as if it were node-gyp, to have the .node built. The arguments it gives choose a Node and its headers; an
// addon of Node-API needs neither, so they are left aside.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js')
const args = [
  'build',
  '-l',
  'error',
  '-d',
  root,
  '-O',
  join(root, 'build'),
  '-B',
  'Release',
  '-G',
  'Ninja',
  '-T',
  'loader',
]
process.exit(spawnSync(process.execPath, [cmakeJs, ...args], { stdio: 'inherit' }).status ?? 1)
