import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test, type Test } from 'tap'
import type { GogepoError } from '../../lib/base/errors.js'
import { installWheels, type WheelFolder } from '../../lib/install/wheels.js'

// A wheel of our own, found by the real pip in a folder instead of an index.
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + '/gogepo_tiny-1.0-py3-none-any.whl', 'w') as wheel:
    for name, text in {'tiny/lib/a.so': 'a', 'tiny/lib/b.so': 'b', 'tiny/x.py': 'x',
                       'gogepo_tiny-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: gogepo-tiny\\nVersion: 1.0\\n',
                       'gogepo_tiny-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\\nTag: py3-none-any\\n',
                       'gogepo_tiny-1.0.dist-info/RECORD': ''}.items():
        wheel.writestr(name, text)
`

function shop(t: Test): { dir: string; folder: WheelFolder } {
  const dir = t.testdir({ shop: {}, 'the cache': {} })
  spawnSync('python3', ['-c', makeWheel, join(dir, 'shop')])
  const sha256 = createHash('sha256')
    .update(readFileSync(join(dir, 'shop/gogepo_tiny-1.0-py3-none-any.whl')))
    .digest('hex')
  Object.assign(process.env, { PIP_NO_INDEX: '1', PIP_FIND_LINKS: pathToFileURL(join(dir, 'shop')).href })
  return {
    dir,
    folder: {
      wheels: [{ name: 'gogepo-tiny', version: '1.0', sha256 }],
      keep: ['tiny/lib/'],
      drop: ['tiny/lib/b'],
      megabytes: 1,
    },
  }
}

function failure(call: () => unknown): Partial<GogepoError> {
  try {
    call()
  } catch (error) {
    return error as GogepoError
  }
  return {}
}

test('what is kept of a wheel is there, and nothing else', async (t) => {
  const { dir, folder } = shop(t)
  const target = join(dir, 'the cache', 'tiny', '1.0')
  installWheels(target, folder)
  t.strictSame(readdirSync(target, { recursive: true }).sort(), ['tiny', 'tiny/lib', 'tiny/lib/a.so'])
  t.strictSame(readdirSync(join(dir, 'the cache', 'tiny')), ['1.0'])
  installWheels(target, folder, 'no-such-python') // is there already: nothing is started
})

test('another hash than the pinned one leaves nothing', async (t) => {
  const { dir, folder } = shop(t)
  const wrong = { ...folder, wheels: [{ ...folder.wheels[0]!, sha256: '0'.repeat(64) }] }
  t.match(
    failure(() => installWheels(join(dir, 'the cache', '1.0'), wrong)),
    { code: 'ERR_SETUP', message: /gogepo-tiny 1\.0/ },
  )
  t.strictSame(readdirSync(join(dir, 'the cache')), [])
})

test('no Python, and no space', async (t) => {
  const { dir, folder } = shop(t)
  const target = join(dir, 'the cache', '1.0')
  t.match(
    failure(() => installWheels(target, folder, 'no-such-python')),
    { code: 'ERR_SETUP', message: /no-such-python.*Install Python 3/ },
  )
  t.match(
    failure(() => installWheels(target, { ...folder, megabytes: 1e12 })),
    { code: 'ERR_SETUP', message: /GB.*GB.*GOGEPO_CACHE/ },
  )
  t.strictSame(readdirSync(join(dir, 'the cache')), [])
})

test('what a killed process left is removed, what a living one is making is not', async (t) => {
  const { dir, folder } = shop(t)
  const dead = spawnSync('true').pid
  const alive = spawn('sleep', ['60'])
  t.teardown(() => alive.kill())
  const part = (pid: number | undefined) => join(dir, 'the cache', `.part-${hostname()}-${pid}-1`)
  mkdirSync(join(part(dead), 'unpacked'), { recursive: true })
  mkdirSync(part(alive.pid))
  installWheels(join(dir, 'the cache', '1.0'), folder)
  t.notOk(existsSync(part(dead)))
  t.ok(existsSync(part(alive.pid)))
})

test('a second one that comes in between finds the work done', async (t) => {
  const { dir, folder } = shop(t)
  const target = join(dir, 'the cache', '1.0')
  // A python that makes the target itself before it does what it is asked for.
  const slow = join(dir, 'python')
  writeFileSync(slow, `#!/bin/sh\nmkdir -p '${target}' && touch '${target}/first'\nexec python3 "$@"\n`)
  chmodSync(slow, 0o755)
  installWheels(target, folder, slow)
  t.strictSame(readdirSync(join(dir, 'the cache')), ['1.0'])
  t.ok(existsSync(join(target, 'first')))
})
