/** A policy as a safetensors file, which any program can run. docs/policy-files.md describes the format. */
import { GogepoError } from '../base/errors.js'
import { readSafetensors, requireTensor, writeSafetensors, type Tensor } from '../base/safetensors.js'
import { readTaskOptions, taskOptionsJson } from '../env/task-options.js'
import type { NamedTensor, PolicyShape, PolicySpec, TaskOptions } from '../native/contract.js'

/** Where a policy comes from. */
export interface PolicyOrigin {
  /** The task's name, as `gogepo train` takes it. */
  task: string
  /** The task's options that were given; the others have their defaults. */
  taskOptions: TaskOptions
  /** The return it was generated for, in stored units: without the survival bonus. null where the algorithm takes no commands. */
  command: number | null
  /** What the critic expects of it, V(θ), in the same units; null where there is no critic. */
  predicted: number | null
  /** Standard deviation σ of the parameter noise; 0 without noise. */
  noise: number
  /** Whether stored returns, such as the command, leave out the survival bonus. */
  removeSurvivalBonus: boolean
  /** The run's folder. */
  run: string
  /** The version of gogepo that generated it. */
  gogepo: string
}

export interface PolicyContent {
  shape: PolicyShape
  theta: Float32Array
  origin: Readonly<PolicyOrigin>
}

/**
 * Metadata: the fields of the origin, discrete, activation and output, each as JSON.
 * @param tensors where each layer's weight and bias are in θ
 * @throws GogepoError ERR_FILE, ERR_DISK_FULL
 */
export function writePolicyFile(
  path: string,
  { shape, tensors, theta, origin }: PolicyContent & { tensors: readonly NamedTensor[] },
): void {
  const content: Record<string, Tensor> = {}
  for (const { name, shape, offset, size } of tensors)
    content[name] = { dtype: 'F32', shape, data: theta.subarray(offset, offset + size) }
  const { spec, observationMean, observationStd } = shape
  const vectors = {
    'observation.mean': observationMean,
    'observation.std': observationStd,
    ...(!spec.discrete && { 'action.low': spec.actionLow, 'action.high': spec.actionHigh }),
  }
  for (const [name, values] of Object.entries(vectors))
    content[name] = { dtype: 'F64', shape: [values.length], data: Float64Array.from(values) }
  const { discrete, activation, output } = spec
  const taskOptions = taskOptionsJson(origin.taskOptions)
  const metadata = Object.entries({ ...origin, taskOptions, discrete, activation, output })
  writeSafetensors(path, {
    tensors: content,
    metadata: Object.fromEntries(metadata.map(([name, value]) => [name, JSON.stringify(value)])),
  })
}

const outputs: readonly PolicySpec['output'][] = ['tanh', 'clip', 'gaussian']

/** @throws GogepoError ERR_FILE, saying what is wrong with the file */
export function readPolicyFile(path: string): PolicyContent {
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
  const vector = (name: string, size: number, valid: (x: number) => boolean = Number.isFinite): Float64Array => {
    const { data } = tensor(name, 'F64', [size])
    if (!data.every(valid)) refuse(`${name} contains impossible values`)
    return data
  }
  const field = <T>(name: string, valid: (value: unknown) => value is T): T => {
    let value: unknown
    try {
      value = JSON.parse(metadata[name] ?? '')
    } catch {
      // refused below
    }
    return valid(value)
      ? value
      : refuse(`its metadata ${name} is ${metadata[name] === undefined ? 'missing' : 'invalid'}`)
  }

  const isFlag = (v: unknown): v is boolean => typeof v === 'boolean'

  // Layers, in order; all of them have biases or none has.
  const bias = Object.hasOwn(tensors, 'layers.0.bias')
  const sizes: number[] = []
  const parts: Float32Array[] = [] // in the order of θ: each layer's weights, then its biases
  for (let i = 0; i === 0 || Object.hasOwn(tensors, `layers.${i}.weight`); i++) {
    const { shape, data } = tensor(`layers.${i}.weight`, 'F32', [-1, sizes.at(-1) ?? -1])
    if (i === 0) sizes.push(shape[1]!)
    sizes.push(shape[0]!)
    parts.push(data)
    if (bias) parts.push(tensor(`layers.${i}.bias`, 'F32', [shape[0]!]).data)
  }
  const theta = new Float32Array(parts.reduce((size, part) => size + part.length, 0))
  let end = 0
  for (const part of parts) theta.set(part, (end += part.length) - part.length)
  if (!theta.every(Number.isFinite)) refuse('its weights are not all finite')

  // The spec, the statistics and the origin.
  const output = field('output', (v): v is PolicySpec['output'] => outputs.includes(v as PolicySpec['output']))
  const [observationSize, actionSize] = [sizes[0]!, sizes.at(-1)! / (output === 'gaussian' ? 2 : 1)]
  const discrete = field('discrete', isFlag)
  if (output === 'gaussian' && (discrete || !Number.isInteger(actionSize)))
    refuse(
      'its output is gaussian, but its last layer does not hold a mean and a standard deviation for each dimension of an action',
    )
  const expected = parts.length + (discrete ? 2 : 4)
  const found = Object.keys(tensors).length
  if (found !== expected) refuse(`expected ${expected} tensors, found ${found}`)
  const bounds = (name: string): number[] => (discrete ? [] : [...vector(name, actionSize)])
  const [actionLow, actionHigh] = [bounds('action.low'), bounds('action.high')]
  // Equal bounds hold a dimension still: Gymnasium has them, or rounding to single precision makes them so.
  if (actionLow.some((low, i) => !(low <= actionHigh[i]!))) refuse('action.low is above action.high')
  const spec = {
    observationSize,
    actionSize,
    discrete,
    actionLow,
    actionHigh,
    hidden: sizes.slice(1, -1),
    bias,
    activation: field('activation', (v): v is 'tanh' | 'relu' => v === 'tanh' || v === 'relu'),
    output,
  }
  const isNumber = (v: unknown): v is number => typeof v === 'number'
  const isNumberOrNull = (v: unknown): v is number | null => v === null || isNumber(v)
  const isText = (v: unknown): v is string => typeof v === 'string'
  return {
    shape: {
      spec,
      observationMean: vector('observation.mean', observationSize),
      observationStd: vector('observation.std', observationSize, (x) => x > 0),
    },
    theta,
    origin: {
      task: field('task', isText),
      taskOptions: taskOptionsOf(metadata['taskOptions'], refuse),
      command: field('command', isNumberOrNull),
      predicted: field('predicted', isNumberOrNull),
      noise: field('noise', isNumber),
      removeSurvivalBonus: field('removeSurvivalBonus', isFlag),
      run: field('run', isText),
      gogepo: field('gogepo', isText),
    },
  }
}

function taskOptionsOf(metadata: string | undefined, refuse: (what: string) => never): TaskOptions {
  try {
    return readTaskOptions(JSON.parse(metadata ?? ''))
  } catch {
    return refuse(`its metadata taskOptions is ${metadata === undefined ? 'missing' : 'invalid'}`)
  }
}
