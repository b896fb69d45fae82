/** A single policy, which can be saved and asked for actions outside of any task. */
import { refuseForeign, requireArgument } from '../base/arguments.js'
import { GogepoError } from '../base/errors.js'
import { requireMemory } from '../base/memory.js'
import { text } from '../base/values.js'
import { describe, plural } from '../base/words.js'
import type { Native, NativePolicy, PolicyShape } from '../native/contract.js'
import { openNative } from '../native/open.js'
import { readPolicyFile, writePolicyFile, type PolicyOrigin } from './policy-file.js'

/**
 * A policy π_θ: a small network from an observation to an action (paper, section 2), with the observation statistics of
 * its run frozen inside. It comes from `OpenedRun.policy` or `loadPolicy`, and stays usable after its run is closed.
 * Free it with `dispose()` or `using`.
 */
export class Policy {
  static {
    refuseForeign(Policy, (value) => #native in value)
  }

  /** Dimensions of an observation, O. */
  readonly observationSize: number
  /** Length of what `act` returns, A; 1 where the task is discrete. */
  readonly actionSize: number
  /** Whether `act` returns the index of one of the task's actions, from 0, rather than a vector. */
  readonly discrete: boolean
  readonly #native: NativePolicy
  readonly #theta: Float32Array
  readonly #shape: PolicyShape
  #disposed = false
  readonly #input: Float64Array // (O), so that acting allocates nothing

  /** @internal */
  constructor(
    native: Native,
    shape: PolicyShape,
    theta: Float32Array,
    /** Where it comes from. */
    readonly origin: Readonly<PolicyOrigin>,
  ) {
    this.#native = new native.Policy(shape)
    this.#native.load(theta)
    this.#theta = theta
    this.#shape = shape
    this.#input = new Float64Array(shape.spec.observationSize)
    this.observationSize = shape.spec.observationSize
    this.discrete = shape.spec.discrete
    this.actionSize = shape.spec.discrete ? 1 : shape.spec.actionSize
  }

  /** The return it was generated for, in stored units; null where the algorithm takes no commands. */
  get command(): number | null {
    return this.origin.command
  }

  /** What the critic expects of it, V(θ), in stored units (paper, section 3); null where there is no critic. */
  get predicted(): number | null {
    return this.origin.predicted
  }

  /** Widths of its layers: observation, hidden layers, action (for a discrete task, the number of actions). */
  get sizes(): readonly number[] {
    const { observationSize, hidden, actionSize } = this.#shape.spec
    return [observationSize, ...hidden, actionSize]
  }

  /** θ, a copy: for each layer its weights (out, in), row-major, then its biases (out). */
  get parameters(): Float32Array {
    return this.#theta.slice()
  }

  /**
   * The action for one observation, at once. The same bits on every x86-64.
   * @param observation (O), in the task's own units
   * @param out (A), filled and returned; with it nothing is allocated. Left out: a new array.
   * @returns (A), in the task's own units and within its bounds; for a discrete task the index of the action
   * @throws GogepoError ERR_SHAPE when a size is wrong, ERR_ARGUMENT when an observation is not finite, ERR_DISPOSED
   */
  act(observation: ArrayLike<number>, out: Float32Array = new Float32Array(this.actionSize)): Float32Array {
    if (observation?.length !== this.observationSize)
      throw this.#wrongLength(
        'act',
        `an observation of ${plural(this.observationSize, 'element')}`,
        observation?.length,
      )
    this.#fill(this.#input, 'act', observation)
    this.#native.act(this.#input, out)
    return out
  }

  /**
   * The actions for n observations.
   * @param observations (n, O), row-major
   * @returns (n, A)
   * @throws GogepoError as `act`
   */
  actBatch(observations: ArrayLike<number>): Float32Array {
    const count = observations?.length / this.observationSize
    if (!Number.isInteger(count) || count < 0)
      throw this.#wrongLength(
        'actBatch',
        `observations of ${plural(this.observationSize, 'element')} each`,
        observations?.length,
      )
    const bytes =
      this.observationSize * 2 * Float64Array.BYTES_PER_ELEMENT + this.actionSize * Float32Array.BYTES_PER_ELEMENT
    requireMemory(count * bytes, `${count} observations and actions`, 'Pass fewer at a time.')
    const input = new Float64Array(count * this.observationSize)
    this.#fill(input, 'actBatch', observations)
    const actions = new Float32Array(count * this.actionSize)
    this.#native.act(input, actions)
    return actions
  }

  #wrongLength(method: string, expected: string, got: unknown): GogepoError {
    return new GogepoError(
      'ERR_SHAPE',
      `${method}: expected ${expected}, as ${this.origin.task} has, got ${describe(got)}.`,
    )
  }

  /** Copies observations of the same length. What is no number is refused: typed arrays would make null 0, and text a number. */
  #fill(input: Float64Array, method: string, observations: ArrayLike<number>): void {
    if (observations instanceof Float64Array || observations instanceof Float32Array) {
      try {
        input.set(observations)
      } catch (cause) {
        const why = (cause as Error).message // its memory was transferred
        throw new GogepoError('ERR_ARGUMENT', `${method}: the observations cannot be read: ${why}.`, { cause })
      }
      return
    }
    for (let i = 0; i < input.length; i++) {
      const value: unknown = observations[i]
      if (typeof value !== 'number')
        throw new GogepoError(
          'ERR_ARGUMENT',
          `${method}: expected numbers, got ${describe(value)} as element ${i % this.observationSize} of observation ${Math.floor(i / this.observationSize)}.`,
        )
      input[i] = value
    }
  }

  /**
   * Writes it as a safetensors file, whole or not at all: layers.<i>.weight (out, in), layers.<i>.bias (out),
   * observation.mean and observation.std (O), action.low and action.high (A). How to compute an action from them:
   * docs/policy-files.md.
   * @throws GogepoError ERR_ARGUMENT; ERR_FILE, ERR_DISK_FULL when it cannot be written; ERR_DISPOSED
   */
  save(path: string): void {
    requireArgument('save', 'the path', text, path)
    if (this.#disposed)
      throw new GogepoError('ERR_DISPOSED', 'This policy has been disposed. Get it from the run, or load it, again.')
    writePolicyFile(path, {
      shape: this.#shape,
      tensors: this.#native.tensors,
      theta: this.#theta,
      origin: this.origin,
    })
  }

  /** Frees its memory; afterwards `act` throws ERR_DISPOSED. */
  dispose(): void {
    this.#disposed = true
    this.#native.dispose()
  }

  /** The same as `dispose`. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Opens a policy that `Policy.save` or `gogepo generate` wrote. It acts like the one that was saved, bit for bit.
 * @throws GogepoError ERR_FILE when it is not such a file; and when the native side cannot be opened:
 * ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON
 */
export function loadPolicy(path: string): Policy {
  requireArgument('loadPolicy', 'the path', text, path)
  const { shape, theta, origin } = readPolicyFile(path)
  return new Policy(openNative(), shape, theta, origin)
}
