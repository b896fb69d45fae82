// Benchmarks one iteration, an episode up to the time limit and its updates, against the same work in PyTorch and
// Gymnasium: same networks, replay buffer, sampled batches, policy and statistics. The two sides first compare results,
// then run alternately.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GogepoError } from '../dist/base/errors.js'
import { readSafetensors, writeSafetensors } from '../dist/base/safetensors.js'
import { Normalizer } from '../dist/train/normalizer.js'
import { fillBuffer, fitNetworks, makeNetworks, mean, median, timed } from './measure.mjs'
import { Peer } from './peer.mjs'

const seeds = [1, 2, 3]
const parts = ['total', 'generate', 'usPerStep', 'critic', 'generator']

/** @param timeProduct false: time only the peer */
export async function benchIteration(tasks, options) {
  const { table, peer, timeProduct, torchThreads, device } = options
  const report = {}
  const rows = []
  for (const task of tasks) {
    const { product, peers } = await withSomeSeed(task, options)
    const [ms, peerMs] = [product.total, peers.total].map((times) => (times.length > 0 ? median(times) : null))
    const ratio = ms !== null && peerMs !== null ? peerMs / ms : null
    report[task.id] = { ms, peerMs, ratio }
    for (const [side, times, beside] of [
      ['gogepo', product, ratio],
      ['PyTorch + Gymnasium', peers, null],
    ])
      if (times.total.length > 0)
        rows.push([`${task.id}, ${side}`, ...parts.map((part) => median(times[part])), beside])
  }
  table(
    [
      `per iteration, ${device === 'cpu' ? `torch-threads ${torchThreads}` : device}, ms`,
      'total',
      'generate',
      'environment step, µs',
      'critic updates',
      'generator updates',
      'peer ÷ gogepo',
    ],
    rows,
  )
  return report
}

/** The losses within an iteration diverged, although the first ones agree. */
class LossesApart extends GogepoError {}

/**
 * If the input of a ReLU is within rounding error of 0, one program may pass it and the other may not. Both are correct,
 * but Adam amplifies the difference. This happens in about one of several hundred batches, so retry with other networks:
 * an incorrect program fails with all of them.
 */
async function withSomeSeed(task, options) {
  for (const seed of seeds)
    try {
      return await oneTask(task, options, seed)
    } catch (error) {
      if (!(error instanceof LossesApart) || seed === seeds.at(-1)) throw error
      options.say(
        `${error.message} Either a ReLU's input is within rounding error of 0, or there is a bug. Retrying with the networks of seed ${seed + 1}: a bug would show again.`,
      )
    }
}

async function oneTask(task, { native, say, rounds, torchThreads, device, peer: python, timeProduct }, seed) {
  const made = makeNetworks(native, task, { torchThreads, device }, {}, seed)
  const { settings, architecture, generator, critic } = made
  const { batchSize, noise } = settings
  const updates = { critic: settings.criticUpdates, generator: settings.generatorUpdates }
  const buffer = await fillBuffer({ native, ...made }, { capacity: 1000, recencyExponent: settings.recencyExponent })
  // Make episodes last: disable early termination where Gymnasium has an option for it; elsewhere run several episodes
  // instead.
  const taskOptions = task.options.some(({ name }) => name === 'terminate_when_unhealthy')
    ? { terminate_when_unhealthy: false }
    : {}
  const rollout = new native.Rollout({ policy: architecture.policy, env: task.id, options: taskOptions, threads: 1 })
  const statistics = {
    count: 1000,
    mean: new Float64Array(task.observationSize),
    m2: new Float64Array(task.observationSize).fill(999),
  }
  const newest = buffer.rows({ first: buffer.pushed - 1, count: 1 })
  const policies = new native.Policies(made.device, architecture.policy, newest.thetas)
  const run = (episodes, firstIndex) =>
    rollout.run(policies, {
      episodes,
      seed,
      purpose: 'training',
      firstIndex,
      statistics,
      observe: 'grow',
      removeSurvivalBonus: true,
    })
  const episodes = Math.ceil(task.maxEpisodeSteps / mean((await run(8, 0)).lengths))

  const folder = mkdtempSync(join(tmpdir(), 'gogepo-bench-'))
  const [casePath, checkedPath] = [join(folder, 'case.safetensors'), join(folder, 'checked.safetensors')]
  const [product, peers] = [0, 1].map(() => Object.fromEntries(parts.map((part) => [part, []])))
  let peer
  try {
    if (python) {
      writeCase()
      peer = new Peer(python, casePath, checkedPath)
      const versions = await peer.check()
      await agree(readSafetensors(checkedPath).tensors)
      say(
        `${task.id}: the peer (PyTorch ${versions.torch}, Gymnasium ${versions.gymnasium}, NumPy ${versions.numpy}) computes the same results.`,
      )
    }
    const start = performance.now()
    // Round 0 produced the losses compared above; round 1 is a warm-up. On a busy machine, stop after a minute with at
    // least three.
    for (let round = 1; round <= rounds + 1; round++) {
      if (round > 4 && performance.now() - start > 60_000) break
      const ours = timeProduct && (await iterate(round))
      const theirs = peer && (await peer.iterate(round))
      if (round === 1) continue
      if (ours) add(product, ours)
      if (theirs) add(peers, theirs)
    }
  } finally {
    await peer?.end()
    rmSync(folder, { recursive: true })
    for (const owned of [policies, rollout, buffer, made]) owned.dispose()
  }
  return { product, peers }

  async function iterate(round) {
    const [generate, explored] = await timed(() =>
      generator.generate(newest.returns, { noise, seed, firstEpisode: round }),
    )
    explored.dispose()
    const [ms, { lengths }] = await timed(() => run(episodes, round * episodes))
    const [fitMs, { seconds }] = await timed(fit)
    // The critic's time includes its share of the sampling time.
    const critic = fitMs * (seconds.critic / (seconds.critic + seconds.generator))
    return { generate, usPerStep: (ms * 1000) / (mean(lengths) * lengths.length), critic, generator: fitMs - critic }
  }

  function fit() {
    return fitNetworks(made, buffer, updates, seed)
  }

  function add(times, { generate, usPerStep, critic, generator }) {
    const total = generate + (usPerStep * task.maxEpisodeSteps) / 1000 + critic + generator
    for (const [part, time] of Object.entries({ total, generate, usPerStep, critic, generator })) times[part].push(time)
  }

  /**
   * Writes the networks and the replay buffer entries that the rounds sample, renumbered with the newest entry first.
   */
  function writeCase() {
    const drawn = Object.entries(updates).map(([network, count]) => [
      network,
      buffer.draw({ network, seed, firstUpdate: 0, updates: count * (rounds + 2), batchSize }),
    ])
    const entries = [...new Set([buffer.pushed - 1, ...drawn.flatMap(([, numbers]) => [...numbers])])]
    const { policy: size } = made.networks.sizes
    const thetas = new Float32Array(entries.length * size)
    const returns = new Float32Array(entries.length)
    entries.forEach((entry, i) => {
      const row = buffer.rows({ first: entry, count: 1 })
      thetas.set(row.thetas, i * size)
      returns.set(row.returns, i)
    })
    const tensors = {
      thetas: { dtype: 'F32', shape: [entries.length, size], data: thetas },
      returns: f32(returns),
      commands: f32(commands()),
      mean: { dtype: 'F64', shape: [statistics.mean.length], data: statistics.mean },
      m2: { dtype: 'F64', shape: [statistics.m2.length], data: statistics.m2 },
    }
    const renumbered = new Map(entries.map((entry, i) => [entry, i]))
    for (const [network, numbers] of drawn)
      tensors[`${network}_draws`] = {
        dtype: 'I32',
        shape: [rounds + 2, updates[network], batchSize],
        data: Int32Array.from(numbers, (entry) => renumbered.get(entry)),
      }
    for (const [prefix, network] of [
      ['rho', generator],
      ['w', critic],
    ]) {
      const { values } = network.state()
      for (const { name, shape, offset, size } of network.tensors)
        tensors[`${prefix}.${name}`] = { dtype: 'F32', shape, data: values.slice(offset, offset + size) }
    }
    const { criticLearningRate, generatorLearningRate } = settings
    const what = {
      env: task.id,
      options: taskOptions,
      architecture,
      criticLearningRate,
      generatorLearningRate,
      torchThreads,
      device,
      noise,
      episodes,
      checkedSteps: 20,
      statistics: { count: statistics.count },
    }
    writeSafetensors(casePath, { tensors, metadata: { case: JSON.stringify(what) } })
  }

  function commands() {
    return Float32Array.from(
      [0, 0.25, 0.5, 1],
      (x) => settings.returnMin + x * (settings.returnMax - settings.returnMin),
    )
  }

  /**
   * Throws unless the peer computes the same policies, values, losses of an iteration, and first steps of an episode.
   */
  async function agree(theirs) {
    const generated = await generator.generate(commands(), { noise: 0, seed, firstEpisode: 0 })
    const [states, steps] = [theirs.normalized.data, theirs.actions.shape[0]]
    const normalizer = Object.assign(new Normalizer(task.observationSize), {
      count: statistics.count,
      mean: statistics.mean.slice(),
      m2: statistics.m2.slice(),
    })
    const normalized = new Float32Array(states.length)
    for (let t = 0; t < steps; t++) {
      const observation = theirs.observations.data.subarray(t * task.observationSize, (t + 1) * task.observationSize)
      normalizer.merge({ counts: Float64Array.of(1), means: observation, m2s: new Float64Array(task.observationSize) })
      observation.forEach(
        (x, i) =>
          (normalized[t * task.observationSize + i] =
            (x - normalizer.mean[i]) / (Math.sqrt(normalizer.m2[i] / (normalizer.count - 1)) + 1e-8)),
      )
    }
    const replayed = native.replay({
      env: task.id,
      options: taskOptions,
      actions: theirs.actions.data,
      resets: Float64Array.of(0),
      states: theirs.state.data,
    })
    const acted = await policies.actions(states)
    // Actions back to the outputs of the network, which are in [-1, 1]; those of a discrete task already are.
    const outputs = acted.map((x, i) => {
      if (task.discrete) return x
      const [low, high] = [task.actionLow[i % task.actionSize], task.actionHigh[i % task.actionSize]]
      return (x - (low + high) / 2) / ((high - low) / 2)
    })

    same('theta', theirs.theta.data, generated.toArray(), 1e-5)
    same('value', theirs.value.data, await critic.value(generated), 1e-5)
    same('actions', theirs.outputs.data, outputs, 1e-5)
    same('normalized observations', states, normalized, 1e-5)
    same(
      'observations',
      theirs.observations.data.subarray(task.observationSize),
      replayed.observations.subarray(0, -task.observationSize),
      1e-6,
    )
    same('rewards', theirs.rewards.data, replayed.rewards, 1e-6)
    const fitted = await fit()
    sameLosses('critic', theirs.critic_losses.data, fitted.critic)
    sameLosses('generator', theirs.generator_losses.data, fitted.generator)
    generated.dispose()
  }

  function sameLosses(network, theirs, ours) {
    // The first critic loss is the only one that does not depend on earlier updates: a mismatch there is a bug.
    if (network === 'critic') same('first critic loss', theirs.subarray(0, 1), ours.subarray(0, 1), 2e-5)
    same(`${network} losses`, theirs, ours, 2e-5, LossesApart)
  }

  /** Throws unless every difference is within `tolerance` times the largest magnitude. */
  function same(what, theirs, ours, tolerance, Failure = GogepoError) {
    const most = theirs.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0)
    const off = theirs.reduce((largest, x, i) => Math.max(largest, Math.abs(x - ours[i])), 0)
    if (theirs.length !== ours.length || !(off <= tolerance * most))
      throw new Failure(
        'ERR_ENGINE',
        `${task.id}: the peer's ${what} differ from gogepo's by up to ${off}, expected at most ${tolerance} × ${most}. Timings would not be comparable.`,
      )
  }
}

const f32 = (data) => ({ dtype: 'F32', shape: [data.length], data })
