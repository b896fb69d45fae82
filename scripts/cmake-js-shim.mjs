#!/usr/bin/env node
// Replaces node-gyp when prebuildify builds the .node file. Ignores prebuildify's arguments, which select a Node
// version and its headers: a Node-API addon needs neither.
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
