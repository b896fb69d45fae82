// Helpers shared by all parts of the benchmark.
import { policySpecOf, settingsFor } from '../dist/algorithms/algorithm.js'
import { architectureOf } from '../dist/algorithms/gogepo-memory.js'
import { gogepo } from '../dist/algorithms/gogepo.js'
import { Session } from '../dist/train/session.js'

export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}

export function mean(values) {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

/** Runs `work`; returns its wall time in milliseconds and its result. */
export async function timed(work) {
  const start = performance.now()
  const result = await work()
  return [performance.now() - start, result]
}

/** Networks of the paper's sizes for a task, unless `overrides` changes settings. */
export function makeNetworks(native, task, { torchThreads, device }, overrides = {}, seed = 1) {
  const settings = settingsFor(gogepo, task, { given: overrides, preset: 'paper' })
  const architecture = architectureOf(policySpecOf(task, settings.policyHidden), settings)
  const opened = new native.Device({ device, threads: torchThreads, tf32: settings.tf32 })
  const networks = new native.Networks(opened, { architecture, backend: settings.backend })
  const generator = new native.Generator(networks, { seed })
  const critic = new native.Critic(networks, { seed })
  return {
    settings,
    architecture,
    device: opened,
    networks,
    generator,
    critic,
    dispose() {
      for (const owned of [generator, critic, networks, opened]) owned.dispose()
    },
  }
}

/** A session that trains GoGePo on a task on the CPU. Settings that are not given are the paper's. */
export function makeSession(native, task, { given = {}, ...options }) {
  const settings = settingsFor(gogepo, task.spec, { given, preset: 'paper' })
  return new Session({ native, algorithm: gogepo, task, settings, seed: 1, device: 'cpu', ...options })
}

/** A full replay buffer. All returns differ; the same 50 or fewer sampled policies repeat. */
export async function fillBuffer({ native, networks, generator, settings }, { capacity, recencyExponent }) {
  const { returnMin, returnMax, noise } = settings
  const evenly = (i, n) => returnMin + ((returnMax - returnMin) * i) / n
  const buffer = new native.ReplayBuffer(networks, { capacity, recencyExponent, pinned: false })
  const count = Math.min(50, capacity)
  const policies = await generator.generate(
    Float32Array.from({ length: count }, (_, i) => evenly(i, count)),
    { noise, seed: 1, firstEpisode: 0 },
  )
  while (buffer.pushed < capacity) {
    const stored = buffer.pushed
    buffer.push(
      policies,
      Float32Array.from({ length: count }, (_, i) => evenly(stored + i, capacity)),
    )
  }
  policies.dispose()
  return buffer
}

/** Updates one or both networks exactly as training does. */
export function fitNetworks({ networks, critic, generator, settings }, buffer, updates, seed) {
  const { batchSize, criticLearningRate, generatorLearningRate } = settings
  return networks.fit(critic, generator, buffer, {
    criticUpdates: updates.critic ?? 0,
    generatorUpdates: updates.generator ?? 0,
    batchSize,
    criticLearningRate,
    generatorLearningRate,
    seed,
  })
}
