#!/usr/bin/env node
// Replaces node-gyp when prebuildify builds the .node file in the current folder, which scripts/prebuild.mjs has
// configured. Ignores prebuildify's arguments, which select a Node version and its headers: a Node-API addon needs
// neither.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const { status } = spawnSync('ninja', ['-C', join(process.cwd(), 'build'), '--quiet', 'loader'], { stdio: 'inherit' })
process.exit(status ?? 1)
