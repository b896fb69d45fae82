// Helpers shared by all parts of the benchmark.
import { completeSettings } from '../dist/config.js'
import { architectureOf } from '../dist/architecture.js'

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
  const settings = completeSettings(overrides, {
    returnMin: task.returnMin,
    returnMax: task.returnMax,
    evaluateEvery: task.evaluateEvery,
  })
  const architecture = architectureOf(task, settings)
  const engine = new native.Engine({
    architecture,
    engine: settings.engine,
    device,
    threads: torchThreads,
    tf32: settings.tf32,
  })
  return {
    settings,
    architecture,
    engine,
    generator: new native.Generator(engine, { seed }),
    critic: new native.Critic(engine, { seed }),
  }
}

/** A full replay buffer. All returns differ; the same 50 or fewer sampled policies repeat. */
export async function fillBuffer({ native, engine, generator, settings }, { capacity, recencyExponent }) {
  const { returnMin, returnMax, noise } = settings
  const evenly = (i, n) => returnMin + ((returnMax - returnMin) * i) / n
  const buffer = new native.ReplayBuffer(engine, { capacity, recencyExponent })
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
export function fitNetworks({ engine, critic, generator, settings }, buffer, updates, seed) {
  const { batchSize, criticLearningRate, generatorLearningRate } = settings
  return engine.fit(critic, generator, buffer, {
    criticUpdates: updates.critic ?? 0,
    generatorUpdates: updates.generator ?? 0,
    batchSize,
    criticLearningRate,
    generatorLearningRate,
    seed,
  })
}
