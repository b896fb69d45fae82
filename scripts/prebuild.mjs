// Builds prebuilds/<platform>-<arch>/ for the npm package: the loader, the addon for the installed LibTorch, the
// actor library, and MuJoCo. Run for a release; the folder is not committed. prebuildify only supports node-gyp, so
// scripts/cmake-js-shim.mjs takes node-gyp's place.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...path) => join(root, ...path)
const run = (command, ...args) => {
  if (spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)
}

run(process.execPath, at('scripts', 'setup.mjs'))
const { mujoco } = JSON.parse(readFileSync(at('build', 'setup.json'), 'utf8'))
const library = readdirSync(mujoco).find((name) => name.startsWith('libmujoco.so'))
const artifacts = at('build', 'artifacts')
rmSync(artifacts, { recursive: true, force: true })
mkdirSync(artifacts, { recursive: true })
for (const name of readdirSync(at('build', 'Release')).filter((name) => /^gogepo-(actor|engine|cuda)\./.test(name))) {
  copyFileSync(at('build', 'Release', name), join(artifacts, name))
  run('strip', '--strip-unneeded', join(artifacts, name)) // prebuildify strips only the .node file
}
copyFileSync(join(mujoco, library), join(artifacts, library))

rmSync(at('prebuilds'), { recursive: true, force: true })
run(
  process.execPath,
  at('node_modules', 'prebuildify', 'bin.js'),
  '--napi',
  '--strip',
  '--node-gyp',
  at('scripts', 'cmake-js-shim.mjs'),
  '--artifacts',
  artifacts,
)
run(process.execPath, at('scripts', 'setup.mjs'), '--quiet') // restore the .node file, which prebuildify moved
