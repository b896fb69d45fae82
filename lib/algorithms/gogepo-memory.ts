/** The shapes of GoGePo's networks, whether memory can hold them, and where the replay buffer goes. */
import { GogepoError } from '../base/errors.js'
import { requireEverPossible, requireMemory } from '../base/memory.js'
import { isSingleRange } from '../base/single.js'
import { formatBytes } from '../base/words.js'
import type { Architecture, Device, Native, PolicySpec, ReplayBuffer, Sizes } from '../native/contract.js'
import type { MemoryUsage } from './algorithm.js'

type ArchitectureSettings = Omit<Architecture, 'policy'>

export const architectureOf = (policy: PolicySpec, settings: ArchitectureSettings): Architecture => {
  const { sliceSize, embeddingSize, generatorHidden, outputScale } = settings
  const { probingStates, criticKind, criticHidden, returnMin, returnMax } = settings
  return {
    policy,
    sliceSize,
    embeddingSize,
    generatorHidden,
    outputScale,
    probingStates,
    criticKind,
    criticHidden,
    returnMin,
    returnMax,
  }
}

/** Checks settings against each other. @throws GogepoError ERR_SETTING */
export function checkGenerator({
  returnMin,
  returnMax,
  policyHidden,
  sliceSize,
}: Readonly<{ returnMin: number; returnMax: number; policyHidden: readonly number[]; sliceSize: number }>): void {
  if (!(returnMax > returnMin))
    throw new GogepoError(
      'ERR_SETTING',
      `Settings returnMin and returnMax: expected returnMax above returnMin, got ${returnMin} and ${returnMax}.`,
    )
  if (!isSingleRange(returnMin, returnMax))
    throw new GogepoError(
      'ERR_SETTING',
      `Settings returnMin and returnMax: single precision cannot tell ${returnMin} from ${returnMax}, or cannot hold their difference. Rescale or shift the task’s rewards.`,
    )
  const odd = policyHidden.find((width) => width % sliceSize !== 0)
  if (odd !== undefined)
    throw new GogepoError(
      'ERR_SETTING',
      `Setting policyHidden: expected multiples of sliceSize (${sliceSize}), got ${odd}. Use ${Math.max(1, Math.round(odd / sliceSize)) * sliceSize}, or another sliceSize.`,
    )
}

/** The settings that decide how much memory is needed. */
interface MemorySettings {
  readonly bufferSize: number
  readonly batchSize: number
  readonly policiesPerIteration: number
}

const floats = (count: number): number => count * Float32Array.BYTES_PER_ELEMENT

/**
 * Rejects networks, policies side by side and batches that cannot be held.
 * @throws GogepoError ERR_MEMORY
 */
export function refuseTooLarge(device: Device, sizes: Sizes, settings: MemorySettings, threads: number): void {
  if (device.name !== 'cpu') return // LibTorch itself refuses what a CUDA device cannot hold
  const { generator, critic, policy } = sizes
  const { policiesPerIteration, batchSize } = settings
  const networks = floats(6 * (generator + critic)) // parameters, two Adam moments, gradient, workspace
  const policies = floats((4 + threads) * policy)
  const needed = networks + policies
  const remedy = 'Reduce policyHidden, generatorHidden, criticHidden, sliceSize or probingStates.'
  const parts = `generator ${formatBytes(floats(6 * generator))}, critic ${formatBytes(floats(6 * critic))}, policies on ${threads} threads ${formatBytes(policies)}`
  requireMemory(needed, `These networks (${parts})`, remedy)
  requireMemory(
    needed + floats(3 * policiesPerIteration * policy),
    `${policiesPerIteration} policies side by side`,
    'Reduce policiesPerIteration or policyHidden.',
  )
  requireMemory(
    needed + floats(2 * batchSize * policy),
    `${batchSize} policies in a batch`,
    'Reduce batchSize or policyHidden.',
  )
  refuseLargeBuffer(sizes, settings)
}

function refuseLargeBuffer({ policy }: Sizes, { bufferSize }: Pick<MemorySettings, 'bufferSize'>): void {
  const full = bufferSize * (floats(policy) + 12)
  requireEverPossible(full, `A replay buffer of ${bufferSize} policies`, 'Reduce bufferSize or policyHidden.')
}

/** The share of a CUDA device's memory that the replay buffers of all learners may take; networks and workspace need the rest. */
const bufferShare = 1 / 4

/** Decides where a replay buffer goes: a CUDA device that is too small for it reads it from pinned host memory. */
export class BufferPlacement {
  /** Placements of this process whose buffers are on a CUDA device. */
  private static readonly holders = new Set<BufferPlacement>()
  readonly pinned: boolean
  /** Bytes of the buffer once it is full. */
  private readonly fullBytes: number
  private readonly onDevice: boolean

  /** @throws GogepoError ERR_MEMORY when the host cannot hold it either */
  constructor(
    private readonly native: Native,
    private readonly device: Device,
    sizes: Sizes,
    settings: Pick<MemorySettings, 'bufferSize'>,
  ) {
    this.fullBytes = floats(settings.bufferSize * sizes.policy)
    this.onDevice = device.name !== 'cpu'
    const { memory } = native.cudaDevices()[Number(device.name.split(':')[1] ?? 0)] ?? {}
    this.pinned = this.onDevice && memory !== undefined && this.bytesHeld() + this.fullBytes > bufferShare * memory
    if (this.pinned) refuseLargeBuffer(sizes, settings)
    if (this.onDevice && !this.pinned) BufferPlacement.holders.add(this)
  }

  private bytesHeld(): number {
    const others = [...BufferPlacement.holders].filter(({ device }) => device.name === this.device.name)
    return others.reduce((sum, { fullBytes }) => sum + fullBytes, 0)
  }

  /** @param learned how many parameters are learned; each has two Adam moments */
  usage(learned: number, buffer: ReplayBuffer): MemoryUsage {
    const parameters = floats(3 * learned)
    return {
      parameters,
      buffer: buffer.bytes,
      fullBuffer: this.fullBytes,
      workspace: this.native.memory().workspace,
      device: this.onDevice ? parameters + (this.pinned ? 0 : buffer.bytes) : 0,
    }
  }

  release(): void {
    BufferPlacement.holders.delete(this)
  }
}
