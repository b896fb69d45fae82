/**
 * What DDPG, TD3 and SAC have in common: transitions (s, a, r, s′, d), collected a few steps at a time, and when it is time to
 * learn from them. The schedule is that of Spinning Up.
 */
import { GogepoError } from '../base/errors.js'
import { requireEverPossible } from '../base/memory.js'
import { requireTensor, type Tensor } from '../base/safetensors.js'
import { real, whole, widths } from '../base/values.js'
import type {
  ActorCritic,
  ActorCriticState,
  EnvSpec,
  Episodes,
  Exploration,
  NetworkState,
  Policies,
  PolicySpec,
  TransitionBuffer,
} from '../native/contract.js'
import { setting, type SettingsOf } from '../settings/setting.js'
import type { CommonSettings } from '../settings/common.js'
import {
  policySpecOf,
  requireCounter,
  type Context,
  type LearnerState,
  type MemoryUsage,
  type Preset,
  type RowLog,
} from './algorithm.js'
import { backendSetting } from './shared-settings.js'

const spinningUp = 'Spinning Up'

/** The settings of all three. */
export const experienceSettings = {
  policyHidden: setting(widths, [256, 256], 'widths of the actor’s hidden ReLU layers', spinningUp),
  criticHidden: setting(widths, [256, 256], 'widths of the hidden ReLU layers of each critic', spinningUp),
  discount: setting(real(0, 1), 0.99, 'discount factor γ', spinningUp),
  polyak: setting(real(0, 1), 0.995, 'share of itself that a target network keeps in an update', spinningUp),
  actorLearningRate: setting(real(0, 1), 1e-3, 'Adam learning rate of the actor', spinningUp),
  criticLearningRate: setting(real(0, 1), 1e-3, 'Adam learning rate of the critics', spinningUp),
  batchSize: setting(whole(1, 65536), 100, 'transitions in the batch of an update', spinningUp),
  bufferSize: setting(
    whole(1, 1_000_000_000),
    1_000_000,
    'capacity of the replay buffer, in transitions; first in, first out',
    spinningUp,
  ),
  randomSteps: setting(
    whole(0),
    10_000,
    'steps at the start of a run whose actions are uniform between the bounds',
    spinningUp,
  ),
  updateAfter: setting(whole(0), 1000, 'steps before the first update', spinningUp),
  updateEvery: setting(
    whole(1, 100_000),
    50,
    'steps between rounds of updates; a round makes one update per step',
    spinningUp,
  ),
  backend: backendSetting(),
}

/** What every preset of these algorithms sets: they learn from observations and rewards as they are. */
export const asTheyAre = { normalizeObservations: false, removeSurvivalBonus: false }

/** The defaults; but where a usual run is short, 1,000 random steps, as in TD3’s paper for all tasks but HalfCheetah and Ant. */
export const paperPreset: Preset = {
  help: 'Spinning Up’s defaults, with which GoGePo’s paper compares: normalizeObservations=false, removeSurvivalBonus=false, and 1,000 random steps where the task’s usual run has 100,000 steps or fewer',
  settings: ({ trainingSteps }) => ({ ...asTheyAre, ...(trainingSteps <= 100_000 && { randomSteps: 1000 }) }),
}

export type ExperienceSettings = SettingsOf<typeof experienceSettings> & CommonSettings

/** @throws GogepoError ERR_SETTING */
export function requireRaw({ normalizeObservations }: CommonSettings): void {
  if (normalizeObservations)
    throw new GogepoError(
      'ERR_SETTING',
      'Setting normalizeObservations: expected false, since this algorithm learns from observations as they are.',
    )
}

/** Everything of a learner but its iteration. */
export abstract class ActorCriticLearner<S extends ExperienceSettings & { readonly critics: number }> {
  readonly policySpec: PolicySpec
  readonly log: RowLog
  protected readonly experience: Experience
  protected readonly networks: ActorCritic

  /** @param output tanh: a deterministic actor; gaussian: a stochastic one */
  constructor(
    protected readonly context: Context<S>,
    output: 'tanh' | 'gaussian',
  ) {
    const { native, device, task, settings, seed } = context
    this.experience = new Experience(context)
    this.log = this.experience.log
    this.policySpec = policySpecOf(task, settings.policyHidden, { activation: 'relu', output })
    const { criticHidden, critics, backend } = settings
    this.networks = new native.ActorCritic(device, { policy: this.policySpec, criticHidden, critics, backend, seed })
  }

  /** It explores in its actions, not in its parameters. */
  async policies(): Promise<Policies> {
    return this.networks.policy()
  }

  state(): LearnerState {
    return networksState(this.networks.state())
  }

  restore(state: LearnerState): void {
    this.networks.restore(restoredNetworks(state))
  }

  memory(): MemoryUsage {
    return this.experience.memory(bytesOf(this.state()))
  }

  dispose(): void {
    this.networks.dispose()
    this.experience.dispose()
  }
}

/** The transitions of a run, and the rounds of updates that are due. */
class Experience {
  readonly buffer: TransitionBuffer
  readonly log: RowLog
  /** Bytes of the buffer once it is full. */
  private readonly fullBytes: number

  /** @throws GogepoError ERR_SETTING, ERR_MEMORY */
  constructor(private readonly context: Context<ExperienceSettings>) {
    const { native, device, task, settings } = context
    if (task.discrete)
      throw new GogepoError(
        'ERR_SETTING',
        `This algorithm learns continuous actions, but ${task.id} has ${task.actionSize} choices. Use another algorithm, such as ars.`,
      )
    const { observationSize, actionSize } = task
    const bytesPerRow = (2 * observationSize + actionSize + 2) * Float32Array.BYTES_PER_ELEMENT
    this.fullBytes = settings.bufferSize * bytesPerRow
    requireEverPossible(this.fullBytes, `A replay buffer of ${settings.bufferSize} transitions`, 'Reduce bufferSize.')
    this.buffer = new native.TransitionBuffer(device, { observationSize, actionSize, capacity: settings.bufferSize })
    this.log = new TransitionLog(this.buffer, task, bytesPerRow)
  }

  /** A training episode begins. */
  begin(exploration: Exploration): TrainingEpisode {
    const { randomSteps } = this.context.settings
    const uniformSteps = Math.max(0, randomSteps - this.context.history.steps)
    return new TrainingEpisode(this.context, this.buffer, { ...exploration, uniformSteps })
  }

  memory(parameters: number): MemoryUsage {
    const { batchSize, policyHidden, criticHidden } = this.context.settings
    const widest = [...policyHidden, ...criticHidden].reduce((sum, width) => sum + width, 0)
    const workspace = (8 * batchSize * widest + parameters) * Float32Array.BYTES_PER_ELEMENT
    return { parameters, buffer: this.buffer.bytes, fullBuffer: this.fullBytes, workspace, device: 0 }
  }

  dispose(): void {
    this.buffer.dispose()
  }
}

/** One episode, a part at a time: up to the next round of updates. */
class TrainingEpisode {
  private readonly start: number
  private episodes: Episodes | undefined

  constructor(
    private readonly context: Context<ExperienceSettings>,
    private readonly buffer: TransitionBuffer,
    private readonly exploration: Exploration,
  ) {
    this.start = context.history.steps
  }

  /** Continues the episode with this policy, which it disposes of, and stores what happens. */
  async act(policy: Policies): Promise<void> {
    const { updateEvery } = this.context.settings
    this.episodes = await this.context.run(policy, {
      observe: 'none',
      exploration: this.exploration,
      maxSteps: updateEvery - (this.steps % updateEvery),
      record: true,
      resume: this.episodes !== undefined,
    })
    policy.dispose()
    this.buffer.push(this.episodes.transitions!)
  }

  /** Steps of the run so far. */
  private get steps(): number {
    return this.start + (this.episodes?.lengths[0] ?? 0)
  }

  /** Updates that are due after this part. */
  get due(): number {
    const { updateAfter, updateEvery } = this.context.settings
    const due = this.steps % updateEvery === 0 && this.steps >= updateAfter && this.buffer.count > 0
    return due ? updateEvery : 0
  }

  get done(): boolean {
    return this.episodes?.done[0] === 1
  }

  /** The whole episode. */
  get result(): Episodes {
    return this.episodes!
  }
}

/** The transitions, numbered over the whole run. */
class TransitionLog implements RowLog {
  readonly per = 'step'

  constructor(
    private readonly buffer: TransitionBuffer,
    private readonly task: EnvSpec,
    readonly bytesPerRow: number,
  ) {}

  get first(): number {
    return this.buffer.pushed - this.buffer.count
  }
  get end(): number {
    return this.buffer.pushed
  }

  read(first: number, count: number): Record<string, Tensor> {
    const { observations, actions, rewards, nextObservations, terminated } = this.buffer.rows({ first, count })
    const { observationSize, actionSize } = this.task
    return {
      observations: { dtype: 'F32', shape: [count, observationSize], data: observations },
      actions: { dtype: 'F32', shape: [count, actionSize], data: actions },
      rewards: { dtype: 'F32', shape: [count], data: Float32Array.from(rewards) },
      nextObservations: { dtype: 'F32', shape: [count, observationSize], data: nextObservations },
      terminated: { dtype: 'U8', shape: [count], data: terminated },
    }
  }

  restore(first: number, count: number, columns: Record<string, Tensor>): void {
    const { observationSize, actionSize } = this.task
    const transitions = {
      observations: requireTensor(columns, 'observations', 'F32', [count, observationSize]).data,
      actions: requireTensor(columns, 'actions', 'F32', [count, actionSize]).data,
      rewards: Float64Array.from(requireTensor(columns, 'rewards', 'F32', [count]).data),
      nextObservations: requireTensor(columns, 'nextObservations', 'F32', [count, observationSize]).data,
      terminated: requireTensor(columns, 'terminated', 'U8', [count]).data,
    }
    if (this.buffer.pushed !== first) this.buffer.clear({ pushed: first })
    this.buffer.push(transitions)
  }
}

const learned = ['actor', 'critics', 'temperature'] as const
const vectors = ['values', 'firstMoment', 'secondMoment'] as const
const targets = ['actorTarget', 'criticsTarget'] as const

/** What a checkpoint holds of actor and critics. */
function networksState(state: ActorCriticState): LearnerState {
  const tensors: Record<string, Tensor> = {}
  const counters: Record<string, number> = {}
  const add = (name: string, data: Float32Array): void => {
    tensors[name] = { dtype: 'F32', shape: [data.length], data }
  }
  for (const name of learned) {
    for (const vector of vectors) add(`${name}.${vector}`, state[name][vector])
    counters[`${name}Updates`] = state[name].updates
  }
  for (const name of targets) add(name, state[name])
  return { tensors, counters }
}

/** @throws GogepoError ERR_FILE, ERR_CHECKPOINT */
function restoredNetworks({ tensors, counters }: LearnerState): ActorCriticState {
  const vector = (name: string): Float32Array => requireTensor(tensors, name, 'F32', [-1]).data
  const network = (name: string): NetworkState => ({
    ...{ values: vector(`${name}.values`), firstMoment: vector(`${name}.firstMoment`) },
    ...{ secondMoment: vector(`${name}.secondMoment`), updates: requireCounter(counters, `${name}Updates`) },
  })
  return {
    ...{ actor: network('actor'), critics: network('critics'), temperature: network('temperature') },
    ...{ actorTarget: vector('actorTarget'), criticsTarget: vector('criticsTarget') },
  }
}

/** Bytes of actor and critics with their Adam moments, and of their targets. */
const bytesOf = (state: LearnerState): number =>
  Object.values(state.tensors).reduce((sum, { data }) => sum + data.byteLength, 0)

/** Means over the updates of an iteration, by name; null where there were none. */
export class Means<Name extends string> {
  private readonly sums = new Map<Name, number>()
  private readonly counts = new Map<Name, number>()

  constructor(private readonly names: readonly Name[]) {}

  add(columns: Readonly<Record<Name, Float32Array>>): void {
    for (const name of this.names) {
      const sum = columns[name].reduce((total, value) => total + value, this.sums.get(name) ?? 0)
      this.sums.set(name, sum)
      this.counts.set(name, (this.counts.get(name) ?? 0) + columns[name].length)
    }
  }

  of(name: Name): number | null {
    const count = this.counts.get(name) ?? 0
    return count > 0 ? this.sums.get(name)! / count : null
  }
}
