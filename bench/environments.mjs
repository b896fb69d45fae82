// Benchmarks a step of one task in C++, TypeScript and Python, compared with the policy network alone: 16 concurrent
// episodes, as in training. Measures this process's CPU time, except for Python, which runs in another process: wall
// time.
import { GogepoError } from '../dist/base/errors.js'
import { findTask } from '../dist/env/find-task.js'
import { makeNetworks, median, timed } from './measure.mjs'

const sideBySide = 16
const id = 'MountainCarContinuous-v0'

/** The same task as a user would write it in TypeScript. */
class MountainCar {
  observationSpace = { shape: [2] }
  actionSpace = { low: [-1], high: [1] }
  returnRange = [-100, 100]
  timeLimit = 999

  reset(seed) {
    this.position = -0.6 + (0.2 * (seed % 1000)) / 1000
    this.speed = 0
    return [this.position, this.speed]
  }

  step([force]) {
    this.speed = Math.min(Math.max(this.speed + 0.0015 * force - 0.0025 * Math.cos(3 * this.position), -0.07), 0.07)
    this.position = Math.min(Math.max(this.position + this.speed, -1.2), 0.6)
    if (this.position === -1.2 && this.speed < 0) this.speed = 0
    const reached = this.position >= 0.45 && this.speed >= 0
    return {
      observation: [this.position, this.speed],
      reward: (reached ? 100 : 0) - 0.1 * force ** 2,
      terminated: reached,
      truncated: false,
    }
  }
}

class Asynchronous extends MountainCar {
  async step(action) {
    return super.step(action)
  }
}

export async function benchEnvironments({ native, table, rounds, python, say }) {
  const inCpp = await findTask(native, id)
  const made = makeNetworks(native, inCpp.spec, { torchThreads: 1, device: 'cpu' })
  const { generator } = made
  const { policy } = made.architecture
  const many = await generator.generate(
    Float32Array.from({ length: sideBySide }, (_, i) => i),
    { noise: 0.05, seed: 1, firstEpisode: 0 },
  )
  const one = await generator.generate(Float32Array.of(0), { noise: 0, seed: 1, firstEpisode: 0 })
  const statistics = { count: 1000, mean: Float64Array.of(-0.5, 0), m2: Float64Array.of(40, 0.4) }
  const training = {
    seed: 1,
    purpose: 'training',
    firstIndex: 0,
    statistics,
    observe: 'grow',
    removeSurvivalBonus: true,
  }
  const rollouts = []
  const rolled = (task, policies, clock = inProcess) => {
    const rollout = task.rollout(native, policy, 1)
    rollouts.push(rollout)
    return async () => {
      const [us, { lengths }] = await clock(() =>
        rollout.run(policies, { ...training, episodes: sideBySide / policies.count }),
      )
      return us / lengths.reduce((sum, length) => sum + length)
    }
  }
  const inTypescript = await findTask(native, MountainCar)
  const measures = {
    network: networkAlone(native, policy, one.toArray()),
    cpp: rolled(inCpp, many),
    typescript: rolled(inTypescript, many),
    typescriptOnePolicy: rolled(inTypescript, one),
    typescriptAsync: rolled(await findTask(native, Asynchronous), many),
  }
  try {
    measures.python = rolled(await findTask(native, `gymnasium:${id}`, {}, { python }), many, inWall)
  } catch (error) {
    if (!(error instanceof GogepoError)) throw error
    say(`\nPython is skipped: ${error.message}`)
  }

  const times = Object.fromEntries(Object.keys(measures).map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++)
    for (const [name, measure] of Object.entries(measures)) {
      const us = await measure()
      if (round > 0) times[name].push(us)
    }
  for (const owned of [...rollouts, many, one, made]) owned.dispose()
  const report = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]))
  const words = {
    cpp: 'C++, one thread',
    typescript: `TypeScript, ${sideBySide} policies`,
    typescriptOnePolicy: `TypeScript, ${sideBySide} episodes of one policy`,
    typescriptAsync: `TypeScript with an async step, ${sideBySide} policies`,
    python: 'Python, one process',
  }
  const { network, ...rows } = report
  table(
    [`per step of ${id}, µs`, 'total', 'policy network alone', 'difference'],
    Object.entries(rows).map(([name, us]) => [words[name], us, network, us - network]),
  )
  return report
}

/** A lower bound for acting: a single θ, which stays in the L1 cache, and a single native call for all steps. */
function networkAlone(native, spec, theta) {
  const { observationSize, actionSize } = spec
  const policy = new native.Policy({
    spec,
    observationMean: new Float64Array(observationSize),
    observationStd: new Float64Array(observationSize).fill(1),
  })
  policy.load(theta)
  const steps = 16_000
  const [observations, actions] = [new Float64Array(steps * observationSize), new Float32Array(steps * actionSize)]
  return async () => (await inProcess(() => policy.act(observations, actions)))[0] / steps
}

/** Runs `work`; returns its wall time in microseconds and its result. */
async function inWall(work) {
  const [ms, result] = await timed(work)
  return [ms * 1000, result]
}

/** Runs `work`; returns this process's CPU time in microseconds and the result. */
async function inProcess(work) {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return [user + system, result]
}
