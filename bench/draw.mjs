// Benchmarks recency-weighted sampling of a batch of 16 from a full replay buffer of 10,000, compared with a buffer of
// 16 entries. Policies are small, because sampling does not touch them: the updates read sampled policies in place.
import { nativeTask } from '../dist/env/native-task.js'
import { fillBuffer, makeNetworks, median } from './measure.mjs'

const batches = 10_000

/** Microseconds per batch. */
export async function benchDraw({ native, table, rounds }) {
  const small = { policyHidden: [16], generatorHidden: [16], criticHidden: [16], probingStates: 4 }
  const made = makeNetworks(native, nativeTask(native, 'Pendulum-v1').spec, { torchThreads: 1, device: 'cpu' }, small)
  const { recencyExponent } = made.settings
  const [full, few] = [
    await fillBuffer({ native, ...made }, { capacity: 10_000, recencyExponent }),
    await fillBuffer({ native, ...made }, { capacity: 16, recencyExponent }),
  ]
  const times = { full: [], few: [] }
  for (let round = 0; round <= rounds; round++) {
    times.full.push(microseconds(full, round))
    times.few.push(microseconds(few, round))
  }
  for (const owned of [full, few, made]) owned.dispose()
  const [drawUs, fewUs] = [median(times.full), median(times.few)]
  table(
    ['sample a batch of 16', 'µs', 'from 16 entries, µs', 'ratio'],
    [['from 10,000 entries', drawUs, fewUs, drawUs / fewUs]],
  )
  return drawUs
}

function microseconds(buffer, round) {
  const start = performance.now()
  buffer.draw({ network: 'generator', seed: 1, firstUpdate: round * batches, updates: batches, batchSize: 16 })
  return ((performance.now() - start) * 1000) / batches
}
