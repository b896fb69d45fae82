// What a program sees of the types: compiled, never run. Each line that must not compile says so; TypeScript complains when one does.
import {
  bestPlusDrive,
  defineAlgorithm,
  policySpecOf,
  setting,
  values,
  checkEnv,
  GogepoError,
  loadPolicy,
  openRun,
  resume,
  train,
  type Algorithm,
  type CommandStrategy,
  type Learner,
  type Reporter,
  type CommandResult,
  type Environment,
  type EnvironmentStep,
  type Finding,
  type OpenedRun,
  type Policy,
  type RunResult,
  type Sweep,
  type TrainEvent,
  type Training,
} from 'gogepo'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => {}

export async function training(signal: AbortSignal): Promise<void> {
  const strategy: CommandStrategy = ({ returns, episodes }) => (episodes > 0 ? returns.at(-1)! : 0)
  await using under = train({
    task: 'Hopper-v5',
    seed: 1,
    settings: { noise: 0.1, policyHidden: [64, 64] },
    strategy,
    signal,
    onEvent: ({ type }) => same<typeof type, TrainEvent['type']>(true),
  })
  same<typeof under, Training>(true)
  for await (const event of under) {
    if (event.type === 'evaluation') same<typeof event.returns, number[]>(true)
    else if (event.type === 'episode') same<typeof event.command, number | undefined>(true)
    else if (event.type === 'iteration') same<(typeof event.metrics)[string], number | null>(true)
    else same<typeof event, Extract<TrainEvent, { type: 'diverged' }>>(true)
    // @ts-expect-error a diverged episode has no return
    void event.return
  }
  under.stop()
  const result = await under.result
  same<typeof result, RunResult>(true)
  same<typeof result.best, number | null>(true)
  resume(result.run)
  resume(result.run, { steps: 10, strategy: () => 3 })
  train({
    task: { id: 'Hopper-v5', options: { healthy_z_range: [0.5, Infinity], terminate_when_unhealthy: false } },
    strategy: bestPlusDrive(0),
  })
  // @ts-expect-error a task is needed
  train({ seed: 1 })
  // @ts-expect-error an unknown setting
  train({ task: 'Hopper-v5', settings: { nois: 1 } })
  // @ts-expect-error a setting of the wrong kind
  train({ task: 'Hopper-v5', settings: { noise: 'loud' } })
  // @ts-expect-error the run has its own seed
  resume(result.run, { seed: 2 })
  // @ts-expect-error what a strategy gives is a number
  train({ task: 'Hopper-v5', strategy: () => '3' })
  // @ts-expect-error the history is not to be changed by assignment
  train({ task: 'Hopper-v5', strategy: (history) => (history.returns = [1]) && 1 })
}

class Oven implements Environment {
  readonly observationSpace = { low: [0, 0], high: [1, Infinity] }
  readonly actionSpace = { low: 0, high: 1 }
  readonly returnRange = [-100, 0] as const
  constructor(private readonly size = 1) {}
  reset(seed: number) {
    return Float32Array.of(seed, this.size)
  }
  async step(action: Float32Array): Promise<EnvironmentStep> {
    return { observation: [action[0]!, 1], reward: 0, terminated: true, truncated: false }
  }
}
class Choice {
  observationSpace = { shape: [1] }
  actionSpace = { n: 3 }
  reset = () => ({ observation: [0] })
  step = (action: number) => ({ observation: [action], reward: 1, terminated: true, truncated: false })
}

export async function ownTasks(): Promise<void> {
  train({ task: Oven })
  train({ task: () => new Oven(3) })
  train({ task: async () => new Oven(3) })
  train({ task: Choice })
  resume('run', { task: Oven })
  await openRun('run', { task: './oven.ts' })
  same<Awaited<ReturnType<typeof checkEnv>>, Finding[]>(true)
  await checkEnv(Oven)
  await checkEnv(new Oven())
  // @ts-expect-error one alone is not enough to train on
  train({ task: new Oven() })
  train({
    // @ts-expect-error a step says whether it terminated
    task: () => ({ ...new Oven(), reset: () => [0], step: () => ({ observation: [0], reward: 0, truncated: false }) }),
  })
}

const mine = defineAlgorithm({
  name: 'mine',
  summary: '',
  paper: '',
  settings: {
    rate: setting(values.real(0, 1), 0.5, 'how fast', 'here'),
    shape: setting(values.either(values.widths, values.word('none')), 'none', 'how wide', 'here', 'schedule'),
  },
  presets: { plain: { help: 'as it is', settings: {} } },
  metrics: { loss: 'how far off' },
  phases: [],
  takesCommands: false,
  check({ rate, evaluateEvery }) {
    same<typeof rate, number>(true)
    same<typeof evaluateEvery, number>(true)
  },
  create({ settings, task, native }): Learner {
    same<typeof settings.shape, readonly number[] | 'none'>(true)
    same<typeof settings.normalizeObservations, boolean>(true)
    // @ts-expect-error no such setting
    void settings.noise
    void native.policySize(policySpecOf(task, [8], { activation: 'relu' }))
    throw new Error('not made')
  },
})

export async function algorithms(reporter: Reporter): Promise<void> {
  train({ task: 'Hopper-v5', algorithm: 'ars', settings: { stepSize: 1, topDirections: 'all', evaluateEvery: 10 } })
  train({ task: 'Hopper-v5', algorithm: 'ars', settings: { topDirections: 3, policyHidden: 'linear' } })
  train({ task: 'Hopper-v5', algorithm: 'es', settings: { weightDecay: 0, policyHidden: [8] } })
  train({ task: 'Hopper-v5', algorithm: 'pgpe', settings: { stdevInit: 0.2 } })
  train({ task: 'Hopper-v5', algorithm: 'pssvf', settings: { policyUpdates: 3 } })
  train({ task: 'Hopper-v5', algorithm: 'udrlpg', settings: { bucketCapacity: 1 } })
  train({ task: 'Hopper-v5', algorithm: 'udrl', settings: { lastFew: 3, backend: 'reference' } })
  train({ task: 'Hopper-v5', algorithm: 'gogepo', settings: { drive: 1, backend: 'reference', tf32: true } })
  train({ task: 'Hopper-v5', algorithm: mine, settings: { rate: 1, shape: [3], normalizeObservations: false } })
  train({ task: 'Hopper-v5', algorithm: mine, preset: 'plain', reporters: [reporter] })
  resume('run', { algorithm: mine as Algorithm, settings: { shape: 'none' } })
  await openRun('run', { algorithm: mine as Algorithm })
  // @ts-expect-error a setting of another algorithm
  train({ task: 'Hopper-v5', algorithm: 'ars', settings: { drive: 1 } })
  // @ts-expect-error a setting of another algorithm
  train({ task: 'Hopper-v5', settings: { stepSize: 1 } })
  // @ts-expect-error a setting of the wrong kind
  train({ task: 'Hopper-v5', algorithm: 'ars', settings: { topDirections: 'most' } })
  // @ts-expect-error an unknown algorithm
  train({ task: 'Hopper-v5', algorithm: 'sca' })
  // @ts-expect-error not one of its settings
  train({ task: 'Hopper-v5', algorithm: mine, settings: { stepSize: 1 } })
  // @ts-expect-error a default that does not fit
  setting(values.whole(0), 'x', '', '')
}

export async function asking(folder: string): Promise<void> {
  using run = await openRun(folder, { checkpoint: 'best', device: 'cpu', threads: 2 })
  same<typeof run, OpenedRun>(true)
  same<Awaited<ReturnType<typeof run.evaluate>>, CommandResult>(true)
  same<Awaited<ReturnType<typeof run.sweep>>, Sweep>(true)
  using policy = await run.policy('best', { noise: true, seed: 3 })
  same<typeof policy, Policy>(true)
  using again = loadPolicy('policy.safetensors')
  same<typeof again, Policy>(true)
  const expected: number[] = [await run.predict(3), await run.predict('best'), await run.predict(policy)]
  void expected
  const action: Float32Array = policy.act([1, 2])
  policy.act(new Float64Array(2), action)
  policy.act(Uint8Array.of(1, 2))
  // @ts-expect-error actions are float32
  policy.act([1, 2], [0, 0])
  // @ts-expect-error numbers only
  policy.act(['1', '2'])
  // @ts-expect-error last, best or a number of steps
  await openRun(folder, { checkpoint: 'first' })
  // @ts-expect-error a command or best
  await run.evaluate('most')
  // @ts-expect-error what was said of the run is not to be changed
  run.folder = ''
  // @ts-expect-error neither is a policy
  policy.discrete = false
}

export function failing(error: unknown): string {
  if (!(error instanceof GogepoError)) return ''
  // @ts-expect-error no such code
  if (error.code === 'ERR_UNHEARD') return ''
  return error.code === 'ERR_SETTING' ? bestPlusDrive.name : error.message
}
