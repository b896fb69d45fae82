// The updates of DDPG, TD3 and SAC against the oracle of test/oracle, for both backends, through the driver that is used from
// outside.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { readSafetensors, type Tensor } from '../../lib/base/safetensors.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cases = join(root, 'test', 'oracle', 'actor-critic')
const float32 = 2 ** -23 // one rounding of 1

const numbers = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array)
const norm = (x: number[]): number => Math.hypot(...x)
const minus = (x: number[], y: number[]): number[] => x.map((v, i) => v - y[i]!)
const largest = (x: number[]): number => Math.max(...x.map(Math.abs))

const files = readdirSync(cases)

test('there are cases of each', async (t) => {
  for (const kind of ['td3', 'ddpg', 'sac', 'sac-automatic']) t.ok(files.includes(`${kind}.safetensors`), kind)
})

for (const file of files)
  for (const backend of ['fast', 'reference'])
    test(`${file.replace('.safetensors', '')}, ${backend}`, async (t) => {
      const [input, output] = [join(cases, file), join(t.testdir(), 'result.safetensors')]
      const done = spawnSync(process.execPath, [join(root, 'scripts', 'case.mjs'), input, output], {
        encoding: 'utf8',
        env: { ...process.env, GOGEPO_CASE_BACKEND: backend, OMP_WAIT_POLICY: 'passive' },
      })
      t.match(done, { status: 0, stdout: '', stderr: '' })
      const { tensors: expected, metadata } = readSafetensors(input)
      const { tensors: got } = readSafetensors(output)
      const settings = JSON.parse(metadata['settings']!) as Record<string, number>
      const updates = expected['critic_loss']!.data.length
      const computed = Object.keys(expected)
        .filter((name) => /^(critic_loss|actor_loss|temperature|entropy)$|_(grad|after)\./.test(name))
        .sort()
      t.strictSame(Object.keys(got).sort(), computed)
      const worst: Record<string, number> = {} // each difference as a part of what is allowed
      const hold = (what: string, difference: number, allowed: number): number =>
        (worst[what] = Math.max(worst[what] ?? 0, difference / allowed))

      for (const name of computed.filter((name) => !name.includes('.'))) {
        const [x, y] = [numbers(got[name]!), numbers(expected[name]!)]
        t.equal(x.length, y.length, name)
        hold(name, largest(minus(x, y)), 2e-5 * largest(y))
      }
      for (const network of ['actor', 'critics']) {
        const gradients = computed
          .filter((name) => name.startsWith(`${network}_grad.`))
          .map((name) => [numbers(got[name]!), numbers(expected[name]!)] as const)
        const errors = gradients.map(([x, y]) => norm(minus(x, y)))
        const sizes = gradients.map(([, y]) => norm(y))
        // A unit that no transition reaches has a gradient of exactly 0.
        for (const [i, error] of errors.entries())
          if (sizes[i] === 0) t.equal(error, 0)
          else hold(`each gradient of ${network}`, error, 1e-3 * sizes[i]!)
        hold(`gradient of ${network}`, norm(errors), 2e-5 * norm(sizes))
        const rate = settings[network === 'actor' ? 'actor_learning_rate' : 'critic_learning_rate']!
        for (const part of ['_after', '_target_after'])
          for (const name of computed.filter((name) => name.startsWith(`${network}${part}.`))) {
            const [x, y] = [numbers(got[name]!), numbers(expected[name]!)]
            const astray = x.filter(
              (v, i) => Math.abs(v - y[i]!) > 0.02 * rate * updates + float32 * updates * Math.abs(y[i]!),
            )
            hold(`${network}${part}`, astray.length, 0.01 * x.length)
          }
        const first = `${network}${network === 'actor' ? '' : '.0'}.0.weight`
        const moved = minus(numbers(got[first.replace(network, `${network}_after`)]!), numbers(expected[first]!))
        t.ok(largest(moved) > 1e-3 * rate * updates, `${network} moved`)
      }
      for (const [what, part] of Object.entries(worst)) t.ok(part <= 1, `${what}: ${part} of what is allowed`)
    })
