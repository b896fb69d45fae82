/** The shapes of the networks that a task and the settings ask for, and whether they can be held. */
import type { Settings } from './config.js'
import { GogepoError } from './errors.js'
import type { Architecture, EnvSpec, NativeEngine } from './native.js'

/** The shapes that a task and the settings ask for. Actions are centre + half-range · tanh. */
export function architectureOf(task: EnvSpec, settings: Settings): Architecture {
  const dimensions = Array.from({ length: task.actionSize }, (_, i) => (task.discrete ? [-1, 1] : [task.actionLow[i]!, task.actionHigh[i]!]) as [number, number])
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

/**
 * What cannot be held is refused before it is allocated: a system that promises more memory than it has ends the process later.
 * @throws GogepoError ERR_MEMORY
 */
export function refuseTooLarge({ device, sizes }: NativeEngine): void {
  if (device !== 'cpu') return // LibTorch itself refuses what a CUDA device does not hold
  const { generator, critic, policy } = sizes
  const needed = 4 * (generator + critic + policy) * Float32Array.BYTES_PER_ELEMENT // parameters, two moments of Adam, gradient
  const available = process.availableMemory()
  if (needed > available)
    throw new GogepoError('ERR_MEMORY', `These networks need ${gigabytes(needed)} of memory (generator ${gigabytes(16 * generator)}, critic ${gigabytes(16 * critic)}, a policy ${gigabytes(16 * policy)}), ${gigabytes(available)} are free. Smaller ones: policyHidden, generatorHidden, criticHidden, sliceSize, probingStates.`)
}
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
