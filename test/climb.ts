// An algorithm that a user wrote, with nothing but what gogepo exports: it keeps θ + noise · ε where that returns more.
import {
  defineAlgorithm,
  policySpecOf,
  requireTensor,
  setting,
  values,
  type Context,
  type SettingsOf,
} from '../lib/index.js'

const settings = {
  noise: setting(values.real(0, 10), 0.5, 'standard deviation of the step', 'this test'),
  hidden: setting(values.widths, [4], 'widths of the hidden layers', 'this test'),
  label: setting(values.text, 'a', 'what it is called', 'this test', 'schedule'),
}
type ClimbSettings = SettingsOf<typeof settings>

export const climb = defineAlgorithm({
  name: 'climb',
  summary: 'climbs a hill',
  paper: 'none',
  settings,
  presets: { steady: { help: 'as it is', settings: {} }, bold: { help: 'large steps', settings: { noise: 2 } } },
  metrics: { accepted: 'whether the step was kept', bestReturn: 'the return of what was kept' },
  phases: ['propose'],
  takesCommands: false,
  create(context: Context<ClimbSettings>) {
    const { native, device, task, seed } = context
    const policySpec = policySpecOf(task, context.settings.hidden)
    const size = native.policySize(policySpec)
    let theta: Float32Array = new Float32Array(size)
    let best = -Infinity
    let steps = 0
    const near = (of: number, at: number, scale: number): Float32Array => {
      const step = native.normals({ seed: of, index: at, count: size })
      return theta.map((x, i) => x + scale * step[i]!)
    }
    return {
      policySpec,
      parameterNoise: context.settings.noise,
      async iterate() {
        const proposed = await context.stopwatch.of('propose', async () => near(seed, steps, context.settings.noise))
        const policies = new native.Policies(device, policySpec, proposed)
        const episodes = await context.run(policies, { observe: 'report' })
        policies.dispose()
        const accepted = episodes.returns[0]! > best
        if (accepted) [theta, best] = [proposed, episodes.returns[0]!]
        steps += 1
        return { episodes, metrics: { accepted: Number(accepted), bestReturn: Number.isFinite(best) ? best : null } }
      },
      async policies(_commands, exploration) {
        const chosen = exploration ? near(exploration.seed, 0, context.settings.noise) : theta
        return new native.Policies(device, policySpec, chosen)
      },
      state: () => ({
        tensors: {
          theta: { dtype: 'F32', shape: [size], data: theta.slice() },
          best: { dtype: 'F64', shape: [1], data: Float64Array.of(best) },
        },
        counters: { steps },
      }),
      restore({ tensors, counters }) {
        theta = requireTensor(tensors, 'theta', 'F32', [size]).data
        best = requireTensor(tensors, 'best', 'F64', [1]).data[0]!
        steps = counters['steps']!
      },
      memory: () => ({ parameters: 4 * size, buffer: 0, fullBuffer: 0, workspace: 0, device: 0 }),
      dispose() {},
    }
  },
})
