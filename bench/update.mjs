// Benchmarks a generator update and a critic update as in training (sampling, forward, backward, Adam), alternating
// with LibTorch's SGEMM of 4096 × 256 × 256 on the same number of threads.
import { fillBuffer, fitNetworks, makeNetworks, mean, median, timed } from './measure.mjs'

const product = { m: 4096, n: 256, k: 256 }

export async function benchUpdate(task, { native, table, rounds, torchThreads }) {
  const made = makeNetworks(native, task, { torchThreads, device: 'cpu' })
  const { device, settings, architecture } = made
  const { batchSize } = settings
  // Uniform sampling from 400 entries rarely repeats one; recency weighting repeats the newest in nearly every batch.
  const uniform = await fillBuffer({ native, ...made }, { capacity: 400, recencyExponent: 0 })
  const replay = await fillBuffer({ native, ...made }, { capacity: 1000, recencyExponent: settings.recencyExponent })
  const updatesSoFar = { generator: 0, critic: 0 }
  const times = { sgemm: [], generator: [], generatorReplay: [], critic: [] }

  for (let round = -1; round < rounds; round++) {
    if (round === 0) for (const list of Object.values(times)) list.length = 0 // discard the warm-up round
    // 26 repeats are as much arithmetic as two updates, so other load on the machine affects both equally.
    times.sgemm.push(mean(await device.sgemm({ ...product, repeats: 26 })))
    times.generator.push(await fit('generator', uniform, 2, true))
    times.generatorReplay.push(await fit('generator', replay, 8, false))
    times.critic.push(await fit('critic', uniform, 4, true))
  }
  const distinct = meanDistinct()
  for (const owned of [uniform, replay, made]) owned.dispose()

  const flop = flopOf(architecture, batchSize)
  const sgemmGflops = (2 * product.m * product.n * product.k) / median(times.sgemm) / 1e6
  const fraction = (work, ms) => work / ms / 1e6 / sgemmGflops
  const [generatorMs, generatorReplayMs, criticMs] = [times.generator, times.generatorReplay, times.critic].map(median)
  const update = {
    generatorMs,
    generatorFraction: fraction(flop.generator, generatorMs),
    generatorReplayMs,
    criticMs,
    criticFraction: fraction(flop.critic, criticMs),
  }
  const row = (name, work, ms) => [name, ms, work / 1e9, work / sgemmGflops / 1e6, fraction(work, ms)]
  table(
    [
      `update, ${task.id} shapes, batch ${batchSize}, threads ${torchThreads}, SGEMM ${sgemmGflops.toFixed(0)} GFLOP/s`,
      'ms',
      'GFLOP',
      'ms at SGEMM speed',
      'fraction',
    ],
    [
      row('generator, all commands distinct', flop.generator, generatorMs),
      row(`generator, from the replay buffer (${distinct.toFixed(1)} distinct)`, flop.generator, generatorReplayMs),
      row('critic', flop.critic, criticMs),
    ],
  )
  return { sgemmGflops, update }

  /** Milliseconds per update. `distinct`: choose a seed with which no batch contains an entry twice. */
  async function fit(network, buffer, updates, distinct) {
    const draws = (seed) => buffer.draw({ network, seed, firstUpdate: updatesSoFar[network], updates, batchSize })
    let seed = 1
    while (distinct && !batches(draws(seed)).every((batch) => new Set(batch).size === batchSize)) seed++
    const [ms] = await timed(() => fitNetworks(made, buffer, { [network]: updates }, seed))
    updatesSoFar[network] += updates
    return ms / updates
  }

  function meanDistinct() {
    const all = batches(replay.draw({ network: 'generator', seed: 1, firstUpdate: 0, updates: 1000, batchSize }))
    return mean(all.map((batch) => new Set(batch).size))
  }

  function batches(entries) {
    return Array.from({ length: entries.length / batchSize }, (_, i) =>
      entries.subarray(i * batchSize, (i + 1) * batchSize),
    )
  }
}

/** FLOPs of the plain algorithm: forward, and backward through everything on the path to the trained parameters. */
export function flopOf(a, batch) {
  const layers = (sizes) => sizes.slice(1).map((size, i) => 2 * sizes[i] * size)
  const sum = (values) => values.reduce((total, x) => total + x, 0)
  const { observationSize, hidden, actionSize } = a.policy
  const policySizes = [observationSize, ...hidden, actionSize]
  const policy = layers(policySizes).map((flop) => flop * batch * a.probingStates)
  const value = batch * sum(layers([a.probingStates * actionSize, ...a.criticHidden, 1]))
  const tiles = sum(
    policySizes.slice(1).map((outputs, j) => {
      const inputs = policySizes[j]
      const [first, last] = [j === 0, j === policySizes.length - 2]
      const f = a.sliceSize
      const [tileIn, tileOut] = [first ? inputs : f, last ? outputs : f]
      const rows = (inputs / tileIn) * (outputs / tileOut)
      const network = (size) => sum(layers([a.embeddingSize + 1, ...a.generatorHidden, size]))
      return batch * rows * (network(tileIn * tileOut) + network(tileOut))
    }),
  )
  return {
    critic: 2 * sum(policy) + 3 * value, // no gradient with respect to the stored policies
    generator: 3 * tiles + 3 * sum(policy) - policy[0] + 2 * value, // none with respect to the critic's parameters
  }
}
