// Recordings of Gymnasium through the driver that is used from outside. Every recording: test/native/replay_test.cc.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { readSafetensors, requireTensor, writeSafetensors } from '../../lib/base/safetensors.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const recordings = join(root, 'test', 'oracle', 'recordings')
const compared = 20 // steps after each reset: later ones depend on the CPU and the C library
const tolerance = 1e-6

function replay(input: string, output: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts', 'replay.mjs'), input, output], { encoding: 'utf8' })
}

for (const name of [
  'MountainCarContinuous-v0-2',
  'InvertedPendulum-v5-1',
  'Hopper-v5-2',
  'Swimmer-v4-1',
  'CartPole-v1-1',
  'Ant-v5-options',
])
  test(name, async (t) => {
    const input = join(recordings, `${name}.safetensors`)
    const output = join(t.testdir(), 'result.safetensors')
    t.match(replay(input, output), { status: 0, stdout: '', stderr: '' })
    const { tensors: recorded } = readSafetensors(input)
    const { tensors: got } = readSafetensors(output)
    t.strictSame(Object.keys(got).sort(), ['observations', 'rewards', 'terminated', 'truncated'])

    const resets = Array.from(requireTensor(recorded, 'resets', 'I64').data, Number)
    const near = resets.flatMap((first, e) =>
      Array.from(
        { length: Math.min(compared, (resets[e + 1] ?? recorded['rewards']!.data.length) - first) },
        (_, i) => first + i,
      ),
    )
    for (const key of ['observations', 'rewards'] as const) {
      const expected = requireTensor(recorded, key, 'F64')
      const { data } = requireTensor(got, key, 'F64', expected.shape)
      const width = expected.shape[1] ?? 1
      const worst = Math.max(
        ...near.flatMap((step) =>
          Array.from({ length: width }, (_, i) => {
            const y = expected.data[step * width + i]!
            return Math.abs(data[step * width + i]! - y) / Math.max(1, Math.abs(y))
          }),
        ),
      )
      t.ok(worst <= tolerance, `${key} differ by ${worst}`)
    }
    for (const key of ['terminated', 'truncated'] as const) {
      const [x, y] = [got, recorded].map((tensors) => requireTensor(tensors, key, 'U8').data)
      t.strictSame(
        near.map((step) => x![step]),
        near.map((step) => y![step]),
        key,
      )
    }
  })

test('a recording that is none, or of no task, is refused in words', async (t) => {
  const dir = t.testdir()
  const sound = readSafetensors(join(recordings, 'MountainCarContinuous-v0-2.safetensors'))
  const refused = (change: (file: typeof sound) => void, words: RegExp): void => {
    const file = structuredClone(sound)
    change(file)
    const input = join(dir, 'recording.safetensors')
    writeSafetensors(input, file)
    t.match(replay(input, join(dir, 'out')), { status: 1, stdout: '', stderr: words })
  }
  refused(
    ({ metadata }) => (metadata['env'] = 'MountainCarContinous-v0'),
    /^replay: .*"MountainCarContinous-v0".*"MountainCarContinuous-v0"/,
  )
  refused(({ metadata }) => (metadata['options'] = 'goal_speed=1'), /^replay: MountainCarContinuous-v0.*"goal_speed"/)
  refused(({ metadata }) => (metadata['options'] = 'goal_velocity=true'), /^replay: .*goal_velocity.*true/)
  refused(({ tensors }) => delete tensors['state'], /^replay: .*qpos/)
  refused(({ tensors }) => (tensors['resets']!.data[0] = 5n), /^replay: .*reset/)
})
