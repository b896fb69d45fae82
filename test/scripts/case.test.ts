// The mathematics against the oracle of test/oracle, for each engine, through the driver that is used from outside.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { readSafetensors, writeSafetensors, type Tensor } from '../../lib/base/safetensors.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cases = join(root, 'test', 'oracle', 'cases')
const float32 = 2 ** -23 // one rounding of 1

// Passive: OpenMP's threads would spin for a core that other tests want.
function runCase(
  input: string,
  output: string,
  engine = 'fast',
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts', 'case.mjs'), input, output], {
    encoding: 'utf8',
    env: { ...process.env, GOGEPO_CASE_BACKEND: engine, OMP_WAIT_POLICY: 'passive' },
  })
}

const numbers = (tensor: Tensor | undefined): number[] => Array.from(tensor!.data as Float32Array)
const largest = (x: number[]): number => x.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
const norm = (x: number[]): number => Math.hypot(...x)
const minus = (x: number[], y: number[]): number[] => x.map((v, i) => v - y[i]!)

for (const file of readdirSync(cases))
  for (const engine of ['fast', 'static', 'reference'])
    test(`${file.replace('.safetensors', '')}, ${engine}`, async (t) => {
      const output = join(t.testdir(), 'result.safetensors')
      t.match(runCase(join(cases, file), output, engine), { status: 0, stdout: '', stderr: '' })
      const { tensors: expected, metadata } = readSafetensors(join(cases, file))
      const { tensors: got } = readSafetensors(output)
      const settings = JSON.parse(metadata['settings']!) as {
        critic_learning_rate: number
        generator_learning_rate: number
      }
      const updates = Number(metadata['steps'])
      const names = Object.keys(expected)
      const both = (name: string): [number[], number[]] => [numbers(got[name]), numbers(expected[name])]
      const worst: Record<string, number> = {} // each difference as a part of what is allowed
      const hold = (what: string, difference: number, allowed: number): number =>
        (worst[what] = Math.max(worst[what] ?? 0, difference / allowed))

      const computed = names
        .filter((name) => /^(theta|fingerprint|value|actions|critic_loss|generator_loss)$|_(grad|after)\./.test(name))
        .sort()
      t.strictSame(Object.keys(got).sort(), computed)
      t.strictSame(
        computed.map((name) => got[name]?.shape),
        computed.map((name) => expected[name]!.shape),
      )

      for (const name of ['theta', 'fingerprint', 'value', 'actions']) {
        const [x, y] = both(name)
        hold(name, largest(minus(x, y)), 1e-5 * largest(y))
      }
      for (const name of ['critic_loss', 'generator_loss']) {
        const [x, y] = both(name)
        hold(name, largest(x.map((loss, i) => loss / y[i]! - 1)), 2e-5)
      }
      for (const [network, learningRate] of [
        ['w', settings.critic_learning_rate],
        ['rho', settings.generator_learning_rate],
      ] as const) {
        const gradients = names.filter((name) => name.startsWith(`${network}_grad.`)).map(both)
        const errors = gradients.map(([x, y]) => norm(minus(x, y)))
        const sizes = gradients.map(([, y]) => norm(y))
        for (const [i, error] of errors.entries()) hold(`each gradient of ${network}`, error, 1e-3 * sizes[i]!)
        hold(`gradient of ${network}`, norm(errors), 2e-5 * norm(sizes))

        for (const name of names.filter((n) => n.startsWith(`${network}_after.`))) {
          const [x, y] = both(name)
          const astray = x.filter(
            (v, i) => Math.abs(v - y[i]!) > 0.02 * learningRate * updates + float32 * updates * Math.abs(y[i]!),
          )
          hold(`${network} after the updates`, astray.length, 0.01 * x.length)
          hold(
            `${network} moved`,
            1e-3 * learningRate * updates,
            largest(minus(x, numbers(expected[name.replace('_after', '')]))),
          )
        }
      }
      for (const [what, part] of Object.entries(worst)) t.ok(part <= 1, `${what}: ${part} of what is allowed`)
    })

test('a case that is not finite, not whole or not a case is refused in words', async (t) => {
  const dir = t.testdir({ 'half.safetensors': Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 123]) })
  const sound = readSafetensors(join(cases, 'one-hidden-layer.safetensors'))
  const refused = (change: (file: typeof sound) => void, words: RegExp): void => {
    const file = structuredClone(sound)
    change(file)
    const input = join(dir, 'case.safetensors')
    writeSafetensors(input, file)
    t.match(runCase(input, join(dir, 'out')), { status: 1, stdout: '', stderr: words })
  }
  refused(
    ({ tensors }) => (tensors['noisy_theta']!.data[3] = NaN),
    /^case: .+: tensor noisy_theta holds NaN at 3; a case must be finite\.\n$/,
  )
  refused(
    ({ tensors }) => delete tensors['w.value.0.bias'],
    /^case: expected a tensor w\.value\.0\.bias \(F32, \[16\]\), found none\.\n$/,
  )
  refused(({ metadata }) => (metadata['settings'] = '{'), /^case: .+: expected the case's settings as JSON/)
  t.match(runCase(join(dir, 'half.safetensors'), join(dir, 'out')), {
    status: 1,
    stdout: '',
    stderr: /half\.safetensors .*safetensors/,
  })
})
