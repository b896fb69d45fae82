// Computes a reference case with gogepo.
//   node scripts/case.mjs <case.safetensors> <result.safetensors>
// The case comes from an oracle (test/oracle/make_cases.py; make_actor_critic_cases.py for DDPG, TD3 and SAC): parameters, a batch, commands and states. The result holds
// what gogepo computes from them, under the same names: theta, fingerprint, value, actions, losses, gradients and
// updated parameters. GOGEPO_CASE_BACKEND=reference selects the autograd backend, static the backend for CUDA devices,
// run on the CPU.
import { availableParallelism } from 'node:os'
import { GogepoError } from '../dist/base/errors.js'
import { readSafetensors, requireTensor, writeSafetensors } from '../dist/base/safetensors.js'
import { openNative } from '../dist/native/open.js'
import { computeActorCritic } from './case-actor-critic.mjs'

const [input, output] = process.argv.slice(2)
try {
  if (!input || !output)
    throw new GogepoError(
      'ERR_ARGUMENT',
      'Expected two files: npm run --silent case -- <case.safetensors> <result.safetensors>',
    )
  writeSafetensors(output, { tensors: await compute(readSafetensors(input), input), metadata: {} })
} catch (error) {
  console.error(error instanceof GogepoError || error.syscall ? `case: ${error.message}` : error)
  process.exitCode = output ? 1 : 2
}

async function compute({ tensors, metadata }, path) {
  const settings = readSettings(metadata, path)
  requireFinite(tensors, path)
  if (settings.algorithm !== undefined) return computeActorCritic(tensors, settings, availableParallelism())
  const steps = Number(metadata.steps)
  if (!Number.isSafeInteger(steps) || steps < 0)
    throw new GogepoError('ERR_FILE', `${path}: expected the number of steps in the metadata, got ${metadata.steps}.`)
  const take = (name, shape) => requireTensor(tensors, name, 'F32', shape).data

  const native = openNative()
  const device = new native.Device({ device: 'cpu', threads: availableParallelism() })
  const architecture = architectureOf(settings)
  const networks = new native.Networks(device, {
    architecture,
    backend: process.env.GOGEPO_CASE_BACKEND ?? 'fast',
  })
  const generator = new native.Generator(networks, { seed: 0 })
  const critic = new native.Critic(networks, { seed: 0 })
  const named = { rho: generator, w: critic }
  for (const [prefix, network] of Object.entries(named)) {
    const state = network.state()
    for (const { name, shape, offset } of network.tensors) state.values.set(take(`${prefix}.${name}`, shape), offset)
    network.restore(state)
  }

  const { policy } = networks.sizes
  const batch = take('commands', [-1]).length
  const policies = await generator.generate(take('commands'), { noise: 0, seed: 0, firstEpisode: 0 })
  const states = requireTensor(tensors, 'states', 'F32', [-1, settings.observation_size])
  const out = {
    theta: tensor([batch, policy], policies.toArray()),
    fingerprint: tensor([batch, settings.probing_states * settings.action_size], await critic.fingerprint(policies)),
    value: tensor([batch], await critic.value(policies)),
    actions: tensor([batch, states.shape[0], settings.action_size], await policies.actions(states.data)),
  }

  const returns = take('returns', [-1])
  const noisy = new native.Policies(device, architecture.policy, take('noisy_theta', [returns.length, policy]))
  const updates = {
    critic: ['w', () => critic.update(noisy, returns, { learningRate: settings.critic_learning_rate })],
    generator: ['rho', () => generator.update(critic, returns, { learningRate: settings.generator_learning_rate })],
  }
  for (const [which, [prefix, update]] of Object.entries(updates)) {
    const losses = new Float32Array(steps)
    for (let step = 0; step < steps; step++) {
      const { loss, gradient } = await update()
      losses[step] = loss
      if (step === 0) addTensors(out, `${prefix}_grad`, named[prefix], gradient)
    }
    out[`${which}_loss`] = tensor([steps], losses)
    addTensors(out, `${prefix}_after`, named[prefix], named[prefix].state().values)
  }
  for (const owned of [networks, device]) owned.dispose()
  return out
}

function requireFinite(tensors, path) {
  for (const [name, { data }] of Object.entries(tensors)) {
    const at = data.findIndex((x) => !Number.isFinite(Number(x)))
    if (at >= 0)
      throw new GogepoError(
        'ERR_NOT_FINITE',
        `${path}: tensor ${name} holds ${data[at]} at ${at}; a case must be finite.`,
      )
  }
}

function readSettings(metadata, path) {
  try {
    const settings = JSON.parse(metadata.settings)
    if (Array.isArray(settings.hidden)) return settings
  } catch {
    // reported below, like valid JSON of the wrong shape
  }
  throw new GogepoError(
    'ERR_FILE',
    `${path}: expected the case's settings as JSON in its metadata, got ${metadata.settings ?? 'none'}.`,
  )
}

function architectureOf(s) {
  return {
    policy: {
      observationSize: s.observation_size,
      actionSize: s.action_size,
      discrete: false,
      actionLow: Array(s.action_size).fill(-s.action_high),
      actionHigh: Array(s.action_size).fill(s.action_high),
      hidden: s.hidden,
      bias: true,
      activation: 'tanh',
      output: 'tanh',
    },
    sliceSize: s.slice_size,
    embeddingSize: s.embedding_size,
    generatorHidden: s.generator_hidden,
    outputScale: s.output_scale,
    probingStates: s.probing_states,
    criticKind: 'fingerprint',
    criticHidden: s.critic_hidden,
    returnMin: s.return_min,
    returnMax: s.return_max,
  }
}

function tensor(shape, data) {
  return { dtype: 'F32', shape, data }
}

function addTensors(out, prefix, network, flat) {
  for (const { name, shape, offset, size } of network.tensors)
    out[`${prefix}.${name}`] = tensor(shape, flat.slice(offset, offset + size))
}
