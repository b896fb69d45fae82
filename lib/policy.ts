/** One policy, kept and asked for actions outside of any task; as a file too. */
import { dirname } from 'node:path'
import { inWords, refuseForeign, requireArgument, text } from './arguments.js'
import { GogepoError } from './errors.js'
import { requireMemory } from './memory.js'
import { openNative, type Native, type NativePolicy, type PolicyShape } from './native.js'
import { readSafetensors, requireTensor, writeSafetensors, type Tensor } from './safetensors.js'

/** Where a policy comes from. */
export interface PolicyOrigin {
  /** The task's name, as `gogepo train` takes it. */
  task: string
  /** The return it was generated for, in stored units: without the survival bonus. */
  command: number
  /** What the critic expected of it, V(θ), in the same units. */
  predicted: number
  /** σ of the noise in its parameters; 0 when there is none. */
  noise: number
  /** The run's folder. */
  run: string
  /** The version of gogepo that generated it. */
  gogepo: string
}

/**
 * A policy π_θ: a small network from an observation to an action (paper, section 2), with the observation statistics of its run frozen inside.
 * From `OpenedRun.policy` or `loadPolicy`. Acts by itself: the run it comes from may be closed. Free it with `dispose()` or `using`.
 */
export class Policy {
  static {
    refuseForeign(Policy, (value) => #native in value)
  }

  /** Numbers in an observation, O. */
  readonly observationSize: number
  /** Numbers in what `act` gives, A; 1 where the task is discrete. */
  readonly actionSize: number
  /** Whether `act` gives the number of one of the task's actions, from 0, rather than a vector. */
  readonly discrete: boolean
  readonly #native: NativePolicy
  readonly #theta: Float32Array
  readonly #shape: PolicyShape
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
    this.#input = new Float64Array(shape.observationMean.length)
    this.observationSize = this.#input.length
    this.discrete = shape.discrete
    this.actionSize = shape.discrete ? 1 : shape.sizes.at(-1)!
  }

  /** The return it was generated for, in stored units. */
  get command(): number {
    return this.origin.command
  }

  /** What the critic expected of it, V(θ), in stored units (paper, section 3). */
  get predicted(): number {
    return this.origin.predicted
  }

  /** Widths of its layers: an observation, the hidden ones, an action (of a discrete task the number of actions). */
  get sizes(): readonly number[] {
    return this.#shape.sizes
  }

  /** θ, a copy: for each layer its weights (out, in), row-major, then its biases (out). */
  get parameters(): Float32Array {
    return this.#theta.slice()
  }

  /**
   * The action for one observation, at once. The same bits on every x86-64.
   * @param observation (O), in the task's own units
   * @param out (A), filled and returned: with it nothing is allocated. Left out: a new array.
   * @returns (A), in the task's own units; of a discrete task the number of the action
   * @throws GogepoError ERR_SHAPE when a size is wrong, ERR_ARGUMENT when an observation is not finite, ERR_DISPOSED
   */
  act(observation: ArrayLike<number>, out: Float32Array = new Float32Array(this.actionSize)): Float32Array {
    if (observation?.length !== this.observationSize)
      throw this.#wrongLength('act', `an observation of ${this.observationSize} numbers`, observation?.length)
    try {
      this.#input.set(observation)
    } catch (cause) {
      throw this.#notNumbers('act', cause)
    }
    this.#native.act(this.#input, out)
    return out
  }

  /**
   * The actions for n observations, one after another.
   * @param observations (n, O), row-major
   * @returns (n, A)
   * @throws GogepoError as `act`
   */
  actBatch(observations: ArrayLike<number>): Float32Array {
    const count = observations?.length / this.observationSize
    if (!Number.isInteger(count) || count < 0)
      throw this.#wrongLength('actBatch', `observations of ${this.observationSize} numbers each`, observations?.length)
    requireMemory(
      count *
        (this.observationSize * 2 * Float64Array.BYTES_PER_ELEMENT + this.actionSize * Float32Array.BYTES_PER_ELEMENT),
      `${count} observations and actions`,
      'Ask for fewer at once.',
    )
    const input = new Float64Array(count * this.observationSize)
    try {
      input.set(observations)
    } catch (cause) {
      throw this.#notNumbers('actBatch', cause)
    }
    const actions = new Float32Array(count * this.actionSize)
    this.#native.act(input, actions)
    return actions
  }

  #wrongLength(method: string, expected: string, got: unknown): GogepoError {
    return new GogepoError(
      'ERR_SHAPE',
      `${method}: expected ${expected}, as ${this.origin.task} has, got ${inWords(got)}.`,
    )
  }

  #notNumbers(method: string, cause: unknown): GogepoError {
    return new GogepoError('ERR_ARGUMENT', `${method}: expected observations of numbers, got something that is none.`, {
      cause,
    })
  }

  /**
   * Writes it as a safetensors file, whole or not at all: layers.<i>.weight (out, in), layers.<i>.bias (out), observation.mean and observation.std (O),
   * action.center and action.scale (A). x = (observation − mean) / std; x = tanh(weight · x + bias) for each layer; the action is center + scale · x, or
   * argmax x where the task is discrete. std is infinite where a coordinate never moved. Metadata: the fields of `origin` and discrete, each as JSON.
   * @throws GogepoError ERR_ARGUMENT; ERR_FILE when it cannot be written; ERR_DISPOSED
   */
  save(path: string): void {
    requireArgument('save', 'the path', text, path)
    const tensors: Record<string, Tensor> = {}
    for (const { name, shape, offset, size } of this.#native.tensors)
      tensors[name] = { dtype: 'F32', shape, data: this.#theta.subarray(offset, offset + size) }
    const { observationMean, observationStd, actionCenter, actionScale, discrete } = this.#shape
    for (const [name, data] of Object.entries({ mean: observationMean, std: observationStd }))
      tensors[`observation.${name}`] = { dtype: 'F64', shape: [data.length], data }
    for (const [name, list] of Object.entries({ center: actionCenter, scale: actionScale }))
      tensors[`action.${name}`] = { dtype: 'F32', shape: [list.length], data: Float32Array.from(list) }
    const metadata = Object.fromEntries(
      Object.entries({ ...this.origin, discrete }).map(([name, value]) => [name, JSON.stringify(value)]),
    )
    try {
      writeSafetensors(path, { tensors, metadata })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw new GogepoError(
        'ERR_FILE',
        `${path} cannot be written: ${code === 'ENOENT' ? `there is no folder ${dirname(path)}` : message}.`,
        { cause: error },
      )
    }
  }

  /** Frees its memory; afterwards `act` throws ERR_DISPOSED. */
  dispose(): void {
    this.#native.dispose()
  }

  /** The same as `dispose`. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Opens a policy that `Policy.save` or `gogepo generate` wrote. It acts as the one that was saved, bit for bit.
 * @throws GogepoError ERR_FILE when it is not such a file, and what opening the engine throws: ERR_LIBTORCH_NOT_FOUND, ERR_LIBTORCH_VERSION, ERR_ADDON
 */
export function loadPolicy(path: string): Policy {
  requireArgument('loadPolicy', 'the path', text, path)
  const { tensors, metadata } = readSafetensors(path)
  const refuse = (what: string): never => {
    throw new GogepoError('ERR_FILE', `${path} is not a policy: ${what}. Policies are written by gogepo generate.`)
  }
  const tensor = <D extends 'F32' | 'F64'>(name: string, dtype: D, shape: number[]): Tensor<D> => {
    try {
      return requireTensor(tensors, name, dtype, shape)
    } catch (error) {
      return refuse((error as Error).message.replace(/\.$/, ''))
    }
  }
  const vector = <D extends 'F32' | 'F64'>(
    name: string,
    dtype: D,
    size: number,
    sound: (n: number) => boolean = Number.isFinite,
  ): Tensor<D>['data'] => {
    const { data } = tensor(name, dtype, [size])
    if (!data.every(sound)) refuse(`${name} holds numbers that cannot be`)
    return data
  }

  const sizes: number[] = []
  const parts: Float32Array[] = [] // as θ is laid out: each layer's weights, then its biases
  for (let i = 0; i === 0 || Object.hasOwn(tensors, `layers.${i}.weight`); i++) {
    const { shape, data } = tensor(`layers.${i}.weight`, 'F32', [-1, sizes.at(-1) ?? -1])
    if (i === 0) sizes.push(shape[1]!)
    sizes.push(shape[0]!)
    parts.push(data, vector(`layers.${i}.bias`, 'F32', shape[0]!))
  }
  const expected = parts.length + 4
  if (Object.keys(tensors).length !== expected)
    refuse(`expected ${expected} tensors, found ${Object.keys(tensors).length}`)
  const theta = new Float32Array(parts.reduce((size, part) => size + part.length, 0))
  let end = 0
  for (const part of parts) theta.set(part, (end += part.length) - part.length)
  if (!theta.every(Number.isFinite)) refuse('its weights are not all finite')

  const told = <T>(name: string, sound: (value: unknown) => value is T): T => {
    let value: unknown
    try {
      value = JSON.parse(metadata[name] ?? '')
    } catch {
      // refused below
    }
    return sound(value)
      ? value
      : refuse(`its metadata ${name} is ${metadata[name] === undefined ? 'missing' : 'not what it should be'}`)
  }
  const [observation, action] = [sizes[0]!, sizes.at(-1)!]
  const shape: PolicyShape = {
    sizes,
    discrete: told('discrete', (v) => typeof v === 'boolean'),
    actionCenter: [...vector('action.center', 'F32', action)],
    actionScale: [...vector('action.scale', 'F32', action)],
    observationMean: vector('observation.mean', 'F64', observation),
    observationStd: vector('observation.std', 'F64', observation, (n) => n > 0),
  }
  const isNumber = (v: unknown): v is number => typeof v === 'number'
  const isText = (v: unknown): v is string => typeof v === 'string'
  const origin = {
    task: told('task', isText),
    command: told('command', isNumber),
    predicted: told('predicted', isNumber),
    noise: told('noise', isNumber),
    run: told('run', isText),
    gogepo: told('gogepo', isText),
  }
  return new Policy(openNative(), shape, theta, origin)
}
