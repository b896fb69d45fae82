// Cases of DDPG, TD3 and SAC for case.mjs; test/oracle/make_actor_critic_cases.py describes their contents.
import { requireTensor } from '../dist/base/safetensors.js'
import { openNative } from '../dist/native/open.js'

const addNamed = (out, prefix, named, flat) => {
  for (const { name, shape, offset, size } of named)
    out[name.replace(/^(actor|critics)/, prefix)] = { dtype: 'F32', shape, data: flat.slice(offset, offset + size) }
}
const numbers = (values) => ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) })

export async function computeActorCritic(tensors, settings, threads) {
  const deterministic = settings.algorithm === 'td3'
  const native = openNative()
  const device = new native.Device({ device: 'cpu', threads })
  const networks = new native.ActorCritic(device, {
    policy: {
      observationSize: settings.observation_size,
      actionSize: settings.action_low.length,
      discrete: false,
      actionLow: settings.action_low,
      actionHigh: settings.action_high,
      hidden: settings.hidden,
      bias: true,
      activation: 'relu',
      output: deterministic ? 'tanh' : 'gaussian',
    },
    criticHidden: settings.critic_hidden,
    critics: settings.critics,
    backend: process.env.GOGEPO_CASE_BACKEND ?? 'fast',
    seed: 0,
  })

  // The networks of the case; targets begin as copies.
  const named = networks.tensors
  const state = networks.state()
  for (const which of ['actor', 'critics'])
    for (const { name, shape, offset } of named[which])
      state[which].values.set(requireTensor(tensors, name, 'F32', shape).data, offset)
  state.actorTarget.set(deterministic ? state.actor.values : [])
  state.criticsTarget.set(state.critics.values)
  state.temperature.values[0] = settings.log_alpha ?? 0
  networks.restore(state)

  // The updates.
  const perTransition = new Set(['rewards', 'terminated'])
  const column = (name, dtype = 'F32') =>
    requireTensor(tensors, name, dtype, perTransition.has(name) ? [-1, -1] : [-1, -1, -1])
  const names = [
    'observations',
    'actions',
    'rewards',
    'next_observations',
    ...(deterministic ? ['noise'] : ['next_normals', 'normals']),
  ]
  const columns = Object.fromEntries(names.map((name) => [name, column(name)]))
  columns.terminated = column('terminated', 'U8')
  const [steps] = columns.rewards.shape
  const losses = { critic_loss: [], actor_loss: [], temperature: [], entropy: [] }
  const out = {}
  for (let step = 0; step < steps; step++) {
    const at = (name) => {
      const { data } = columns[name]
      return data.slice((step * data.length) / steps, ((step + 1) * data.length) / steps)
    }
    const batch = {
      observations: at('observations'),
      actions: at('actions'),
      rewards: Float64Array.from(at('rewards')),
      nextObservations: at('next_observations'),
      terminated: at('terminated'),
    }
    const rates = {
      discount: settings.discount,
      polyak: settings.polyak,
      actorLearningRate: settings.actor_learning_rate,
      criticLearningRate: settings.critic_learning_rate,
    }
    const update = deterministic
      ? await networks.updateTd3(batch, at('noise'), { ...rates, policyDelay: settings.policy_delay })
      : await networks.updateSac(batch, at('next_normals'), at('normals'), {
          ...rates,
          automaticTemperature: settings.automatic_temperature,
          temperatureLearningRate: settings.temperature_learning_rate,
          targetEntropy: settings.target_entropy,
        })
    losses.critic_loss.push(update.criticLoss)
    if (update.actorLoss !== null) losses.actor_loss.push(update.actorLoss)
    if (!deterministic) {
      losses.temperature.push(update.temperature)
      losses.entropy.push(update.entropy)
    }
    if (step > 0) continue
    addNamed(out, 'critics_grad', named.critics, update.criticGradient)
    addNamed(out, 'actor_grad', named.actor, update.actorGradient)
  }
  const after = networks.state()
  addNamed(out, 'actor_after', named.actor, after.actor.values)
  addNamed(out, 'critics_after', named.critics, after.critics.values)
  addNamed(out, 'critics_target_after', named.critics, after.criticsTarget)
  if (deterministic) addNamed(out, 'actor_target_after', named.actor, after.actorTarget)
  for (const [name, values] of Object.entries(losses)) if (values.length > 0) out[name] = numbers(values)
  networks.dispose()
  device.dispose()
  return out
}
