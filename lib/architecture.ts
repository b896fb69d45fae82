/** The shapes of the networks that a task and the settings ask for, and whether they can be held. */
import type { Settings } from './config.js'
import { totalmem } from 'node:os'
import { GogepoError } from './errors.js'
import { gigabytes, requireMemory } from './memory.js'
import type { Architecture, EnvSpec, Sizes } from './native.js'

/** The shapes that a task and the settings ask for. Actions are centre + half-range · tanh. */
export function architectureOf(task: EnvSpec, settings: Settings): Architecture {
  const dimensions = Array.from(
    { length: task.actionSize },
    (_, i) => (task.discrete ? [-1, 1] : [task.actionLow[i]!, task.actionHigh[i]!]) as [number, number],
  )
  return {
    observationSize: task.observationSize,
    actionSize: task.actionSize,
    discrete: task.discrete,
    actionCenter: dimensions.map(([low, high]) => (low + high) / 2),
    actionScale: dimensions.map(([low, high]) => (high - low) / 2),
    policyHidden: settings.policyHidden,
    sliceSize: settings.sliceSize,
    embeddingSize: settings.embeddingSize,
    generatorHidden: settings.generatorHidden,
    outputScale: settings.outputScale,
    probingStates: settings.probingStates,
    criticKind: settings.criticKind,
    criticHidden: settings.criticHidden,
    returnMin: settings.returnMin,
    returnMax: settings.returnMax,
  }
}

const bytes = (numbers: number): number => numbers * Float32Array.BYTES_PER_ELEMENT

/**
 * Networks, policies side by side and a full buffer that cannot be held.
 * @throws GogepoError ERR_MEMORY
 */
export function refuseTooLarge(sizes: Sizes, settings: Settings, threads: number): void {
  const { generator, critic, policy } = sizes
  const { policiesPerIteration, batchSize } = settings
  const needed = bytes(6 * (generator + critic) + (4 + threads) * policy) // parameters, two moments of Adam, gradient, workspace
  const smaller = 'Smaller ones: policyHidden, generatorHidden, criticHidden, sliceSize, probingStates.'
  requireMemory(
    needed,
    `These networks (generator ${gigabytes(bytes(6 * generator))}, critic ${gigabytes(bytes(6 * critic))}, a policy on ${threads} threads ${gigabytes(bytes((4 + threads) * policy))})`,
    smaller,
  )
  requireMemory(
    needed + bytes(3 * policiesPerIteration * policy),
    `${policiesPerIteration} policies side by side`,
    'Fewer: policiesPerIteration; or a smaller policyHidden.',
  )
  requireMemory(
    needed + bytes(2 * batchSize * policy),
    `${batchSize} policies in a batch`,
    'Fewer: batchSize; or a smaller policyHidden.',
  )
  refuseLargeBuffer(sizes, settings)
}

/** It grows as the run goes on, so that what is free now decides nothing: only what this machine can never hold is refused. */
function refuseLargeBuffer({ policy }: Sizes, { bufferSize }: Settings): void {
  const full = bufferSize * (bytes(policy) + 12)
  const most = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  if (full > most)
    throw new GogepoError(
      'ERR_MEMORY',
      `A replay buffer of ${bufferSize} policies needs ${gigabytes(full)} when it is full, and this machine has ${gigabytes(most)}. Smaller: bufferSize, policyHidden.`,
    )
}

/** Of a CUDA device's memory, for the replay buffers of all learners of this process; networks and their workspace take the rest. */
const bufferShare = 1 / 4

export const fullBufferBytes = ({ policy }: Sizes, { bufferSize }: Settings): number => bytes(bufferSize * policy)

/**
 * Whether a full replay buffer is too large for the CUDA device's memory and has to lie in the host's.
 * @param memory the device's, in bytes; none on a CPU, nor where it is not known
 * @param others bytes of the full buffers that are to lie there already
 * @throws GogepoError ERR_MEMORY: the host cannot hold it either
 */
export function isBufferPinned(sizes: Sizes, settings: Settings, memory?: number, others = 0): boolean {
  const pinned = memory !== undefined && others + fullBufferBytes(sizes, settings) > bufferShare * memory
  if (pinned) refuseLargeBuffer(sizes, settings)
  return pinned
}
