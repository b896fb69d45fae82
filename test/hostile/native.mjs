// Calls the native classes with invalid arguments, in any order: node native.mjs <seed> <runs> <file>. Prints the result
// as JSON. The file holds the calls in progress, in case this process crashes.
import { openSync, writeSync, ftruncateSync } from 'node:fs'
import fc from 'fast-check'
import { GogepoError } from '../../dist/base/errors.js'
import { openNative } from '../../dist/native/open.js'
import { changed, changes, isCoded, make, Mine, value } from './values.mjs'

const [seed, runs, path] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]]
const native = openNative()
const note = openSync(path, 'w')
const counts = { calls: 0, refused: {}, done: 0 }
const slow = Number(process.env.SLOW ?? 2000) // milliseconds

const policySpec = (observationSize) => ({
  observationSize,
  actionSize: 1,
  discrete: false,
  actionLow: [-1],
  actionHigh: [1],
  hidden: [8],
  bias: true,
  activation: 'tanh',
  output: 'tanh',
})
const policyShape = (observationSize) => ({
  spec: policySpec(observationSize),
  observationMean: new Float64Array(observationSize),
  observationStd: new Float64Array(observationSize).fill(1),
})
const architecture = (observationSize) => ({
  policy: policySpec(observationSize),
  sliceSize: 4,
  embeddingSize: 2,
  generatorHidden: [8],
  outputScale: 2,
  probingStates: 4,
  criticKind: 'fingerprint',
  criticHidden: [8],
  returnMin: 0,
  returnMax: 100,
})
const statistics = (size) => ({ count: 3, mean: new Float64Array(size), m2: new Float64Array(size).fill(1) })
const regression = { updates: 2, batchSize: 4, learningRate: 1e-3, seed: 1 }
const fit = {
  criticUpdates: 2,
  generatorUpdates: 2,
  batchSize: 4,
  criticLearningRate: 1e-3,
  generatorLearningRate: 1e-3,
  seed: 1,
}
const transitionBuffer = (observationSize) => ({ observationSize, actionSize: 1, capacity: 7 })
const transitions = (observationSize, count) => ({
  observations: new Float32Array(count * observationSize),
  actions: new Float32Array(count),
  rewards: new Float64Array(count),
  nextObservations: new Float32Array(count * observationSize),
  terminated: new Uint8Array(count),
})
const actorCritic = (observationSize, { backend = 'fast' } = {}) => ({
  policy: { ...policySpec(observationSize), activation: 'relu', output: backend === 'fast' ? 'tanh' : 'gaussian' },
  criticHidden: [8],
  critics: 2,
  backend,
  seed: 1,
})
const behavior = (observationSize, { backend = 'fast' } = {}) => ({
  policy: { ...policySpec(observationSize), activation: 'relu', command: { returnScale: 0.1, horizonScale: 0.1 } },
  backend,
  seed: 1,
})
const episodes = (observationSize, lengths) => {
  const numbers = lengths.flatMap((length, i) => Array(length).fill(i))
  return {
    episodes: Int32Array.from(numbers),
    observations: new Float32Array(numbers.length * observationSize),
    actions: new Float32Array(numbers.length),
    rewards: new Float64Array(numbers.length),
  }
}
const rates = { discount: 0.9, polyak: 0.9, actorLearningRate: 1e-3, criticLearningRate: 1e-3 }
const td3 = { ...rates, policyDelay: 2, targetNoise: 0.2, targetNoiseClip: 0.5 }
const sac = { ...rates, automaticTemperature: true, temperatureLearningRate: 1e-3, targetEntropy: -1 }
const classes = Object.keys(native).filter(
  (name) => /^class|\[native code\]/.test(String(native[name])) && /^[A-Z]/.test(name),
)
const functions = Object.keys(native).filter((name) => typeof native[name] === 'function' && !classes.includes(name))
const methodsOf = (name) =>
  Object.getOwnPropertyNames(native[name].prototype).filter((method) => method !== 'constructor')

/** One object of each class, on one device. */
class Objects {
  constructor([env, observations], options = {}) {
    this.env = env
    this.observations = observations
    const policy = policySpec(observations)
    this.Device = new native.Device({ device: 'cpu', threads: 1 })
    this.Networks = new native.Networks(this.Device, {
      architecture: architecture(observations),
      backend: 'fast',
      ...options,
    })
    this.sizes = this.Networks.sizes
    this.Policies = new native.Policies(this.Device, policy, new Float32Array(3 * this.sizes.policy))
    this.Generator = new native.Generator(this.Networks, { seed: 1 })
    this.Critic = new native.Critic(this.Networks, { seed: 1 })
    this.ReplayBuffer = new native.ReplayBuffer(this.Networks, { capacity: 5, recencyExponent: 1, pinned: false })
    this.ReplayBuffer.push(this.Policies, new Float32Array(3))
    this.Rollout = new native.Rollout({ policy, env, options: {}, threads: 1 })
    this.Policy = new native.Policy(policyShape(observations))
    this.Actors = new native.Actors({ policy, rows: 2 })
    this.Actors.start(this.Policies, { seed: 1, statistics: null, observe: 'grow', exploration: { noise: 0.1 } })
    this.Actors.begin(0, 1, 0)
    this.LearnedPolicy = new native.LearnedPolicy(this.Networks, { seed: 1 })
    this.Ars = new native.Ars(this.Device, { policy, seed: 1 })
    this.Es = new native.Es(this.Device, { policy, seed: 1 })
    this.Pgpe = new native.Pgpe(this.Device, { policy, seed: 1, stdev: 0.1 })
    this.TransitionBuffer = new native.TransitionBuffer(this.Device, transitionBuffer(observations))
    this.TransitionBuffer.push(transitions(observations, 3))
    this.ActorCritic = new native.ActorCritic(this.Device, actorCritic(observations, options))
    this.Behavior = new native.Behavior(this.Device, behavior(observations, options))
    this.EpisodeBuffer = new native.EpisodeBuffer(this.Device, { ...behavior(observations), capacity: 3 })
    this.EpisodeBuffer.push(episodes(observations, [2, 1, 3]), new Uint8Array(3))
  }

  /** The first directions of the searches, without which they refuse every step. */
  async prepare() {
    this.ActorCriticState = this.ActorCritic.state()
    this.BehaviorState = this.Behavior.state()
    this.EpisodeBufferState = this.EpisodeBuffer.state()
    for (const search of [this.Ars, this.Es, this.Pgpe]) {
      const policies = await search.perturb({ directions: 2, noise: 0.1, seed: 1, firstDirection: 0 })
      policies.dispose()
    }
    return this
  }

  dispose() {
    for (const name of classes.toReversed()) this[name].dispose()
  }

  /** Arguments that fit: of a constructor, a method or a function. */
  sound(name, method) {
    const { observations: o, env } = this
    const policy = policySpec(o)
    const size = this.sizes.policy
    const state = (size) => ({
      values: new Float32Array(size),
      firstMoment: new Float32Array(size),
      secondMoment: new Float32Array(size),
      updates: 1,
    })
    const run = {
      episodes: 2,
      seed: 1,
      purpose: 'evaluation',
      firstIndex: 0,
      statistics: statistics(o),
      observe: 'grow',
      removeSurvivalBonus: true,
      exploration: { noise: 0.1 },
      maxSteps: 20,
      resume: false,
      record: true,
    }
    const args = {
      'new Device': [{ device: 'cpu', threads: 1, tf32: false }],
      'new Networks': [this.Device, { architecture: architecture(o), backend: 'fast' }],
      'new Policies': [this.Device, policy, new Float32Array(size)],
      'new Generator': [this.Networks, { seed: 1 }],
      'new Critic': [this.Networks, { seed: 1 }],
      'new ReplayBuffer': [
        this.Networks,
        { capacity: 5, recencyExponent: 1, buckets: { perUnit: 1, capacity: 2, rankWeight: 0.3 }, pinned: false },
      ],
      'new Rollout': [{ policy, env, options: {}, threads: 1 }],
      'new Policy': [policyShape(o)],
      'new Actors': [{ policy, rows: 2 }],
      'new LearnedPolicy': [this.Networks, { seed: 1 }],
      'new Ars': [this.Device, { policy, seed: 1 }],
      'new Es': [this.Device, { policy, seed: 1 }],
      'new Pgpe': [this.Device, { policy, seed: 1, stdev: 0.1 }],
      'new TransitionBuffer': [this.Device, transitionBuffer(o)],
      'new ActorCritic': [this.Device, actorCritic(o)],
      'TransitionBuffer.push': [transitions(o, 2)],
      'TransitionBuffer.rows': [{ first: 0, count: 2 }],
      'TransitionBuffer.clear': [{ pushed: 3 }],
      'ActorCritic.fitTd3': [this.TransitionBuffer, { ...td3, updates: 3, batchSize: 4, seed: 1 }],
      'ActorCritic.fitSac': [this.TransitionBuffer, { ...sac, updates: 3, batchSize: 4, seed: 1 }],
      'ActorCritic.updateTd3': [transitions(o, 2), new Float32Array(2), td3],
      'ActorCritic.updateSac': [transitions(o, 2), new Float32Array(2), new Float32Array(2), sac],
      'ActorCritic.restore': [this.ActorCriticState],
      'new Behavior': [this.Device, behavior(o)],
      'new EpisodeBuffer': [this.Device, { ...behavior(o), capacity: 3 }],
      'EpisodeBuffer.push': [episodes(o, [1, 2]), Uint8Array.of(0, 1)],
      'EpisodeBuffer.restore': [this.EpisodeBufferState],
      'Behavior.policies': [Float32Array.of(1, 2, 3, 4)],
      'Behavior.fit': [this.EpisodeBuffer, regression],
      'Behavior.update': [
        { observations: new Float32Array(2 * o), commands: Float32Array.of(1, 2, 3, 4), actions: new Float32Array(2) },
        { learningRate: 1e-3 },
      ],
      'Behavior.restore': [this.BehaviorState],
      'Device.sgemm': [{ m: 4, n: 4, k: 4, repeats: 2 }],
      'Policies.actions': [new Float32Array(2 * o)],
      'Generator.generate': [new Float32Array(2), { noise: 0.1, seed: 1, firstEpisode: 0 }],
      'Generator.update': [this.Critic, new Float32Array(2), { learningRate: 1e-3 }],
      'Generator.fit': [this.ReplayBuffer, regression],
      'Generator.restore': [state(this.sizes.generator)],
      'Critic.value': [this.Policies],
      'Critic.fingerprint': [this.Policies],
      'Networks.fit': [this.Critic, this.Generator, this.ReplayBuffer, fit],
      'Critic.update': [this.Policies, new Float32Array(3), { learningRate: 1e-3 }],
      'Critic.fit': [this.ReplayBuffer, regression],
      'LearnedPolicy.perturb': [{ noise: 0.1, seed: 1, episode: 0 }],
      'LearnedPolicy.ascend': [this.Critic, { updates: 2, learningRate: 1e-3 }],
      'LearnedPolicy.restore': [state(this.sizes.policy)],
      'Critic.restore': [state(this.sizes.critic)],
      'ReplayBuffer.push': [this.Policies, new Float32Array(3), new Uint8Array(3)],
      'ReplayBuffer.rows': [{ first: 0, count: 2 }],
      'ReplayBuffer.draw': [{ network: 'critic', seed: 1, firstUpdate: 0, updates: 2, batchSize: 3 }],
      'ReplayBuffer.clear': [{ pushed: 0 }],
      'Rollout.run': [this.Policies, run],
      'Policy.load': [new Float32Array(size)],
      'Policy.act': [new Float64Array(2 * o), new Float32Array(2)],
      'Actors.start': [
        this.Policies,
        { seed: 1, statistics: statistics(o), observe: 'report', exploration: { noise: 0.1 } },
      ],
      'Actors.reload': [this.Policies],
      'Actors.begin': [1, 2, 3],
      'Actors.act': [new Float64Array(2 * o), new Float32Array(2), Uint8Array.of(1, 0)],
      'Actors.reward': [0, 1.5],
      'Actors.moments': [0],
      'Ars.perturb': [{ directions: 2, noise: 0.1, seed: 1, firstDirection: 2 }],
      'Ars.step': [Float64Array.of(1, 2, 3, 4), new Uint8Array(4), { stepSize: 0.1, topDirections: 2 }],
      'Ars.restore': [{ theta: new Float64Array(size) }],
      'Es.perturb': [{ directions: 2, noise: 0.1, seed: 1, firstDirection: 2 }],
      'Es.step': [Float64Array.of(1, 2, 3, 4), new Uint8Array(4), { learningRate: 0.1, weightDecay: 0.01 }],
      'Es.restore': [
        {
          theta: new Float64Array(size),
          firstMoment: new Float64Array(size),
          secondMoment: new Float64Array(size),
          updates: 1,
        },
      ],
      'Pgpe.perturb': [{ directions: 2, seed: 1, firstDirection: 2 }],
      'Pgpe.step': [
        Float64Array.of(1, 2, 3, 4),
        new Uint8Array(4),
        { centerLearningRate: 1, stdevLearningRate: 0.1, stdevMaxChange: 0.2 },
      ],
      'Pgpe.restore': [{ theta: new Float64Array(size), stdev: new Float64Array(size).fill(0.1) }],
      'function policySize': [policy],
      'function sizes': [architecture(o)],
      'function normals': [{ seed: 1, index: 0, count: 5 }],
      'function env': [{ env, options: { reset_noise_scale: 0.1 } }],
      'function episodeSeed': [{ seed: 1, purpose: 'training', index: 0 }],
      'function replay': [
        {
          env: 'Pendulum-v1',
          options: {},
          actions: new Float64Array(3),
          resets: Float64Array.of(0),
          states: new Float64Array(2),
        },
      ],
      'function observationStd': [statistics(o)],
      'function openCudaPart': ['/nowhere'],
      'function setErrorClass': [GogepoError],
    }
    return args[method === undefined ? `${name}` : `${name}.${method}`] ?? []
  }
}

const targets = [
  ...classes.flatMap((name) => [`new ${name}`, ...methodsOf(name).map((method) => `${name}.${method}`)]),
  ...functions.map((name) => `function ${name}`),
]
const call = fc.record({
  target: fc.constantFrom(...targets),
  on: fc.oneof(
    { weight: 8, arbitrary: fc.constant('own') },
    { weight: 1, arbitrary: fc.constantFrom('other', 'disposed') },
    { weight: 1, arbitrary: value },
  ),
  whose: fc.constantFrom('own', 'own', 'own', 'other', 'disposed'), // objects among the arguments
  without: fc.boolean(), // a constructor, called without new
  changes,
})

async function makeWorld() {
  const own = await new Objects(['InvertedPendulum-v5', 4]).prepare()
  const other = new Objects(['Pendulum-v1', 3], { backend: 'reference' })
  const disposed = new Objects(['InvertedPendulum-v5', 4])
  disposed.dispose()
  const sets = { own, other, disposed }
  return {
    sets,
    handle(which, whose) {
      const name = classes[which % classes.length]
      if (whose === 'forged') return Object.create(native[name].prototype)
      if (whose === 'proxied') return new Proxy(own[name], {})
      return sets[whose][name]
    },
    dispose() {
      own.dispose()
      other.dispose()
    },
  }
}

/** What the caller's getter number n does in the middle of a call. */
function reenter(world, n, args) {
  const { own } = world.sets
  switch (n) {
    case 0:
      throw new Mine('getter')
    case 1:
      own.Networks.dispose()
      return 1
    case 2:
      own.ReplayBuffer.clear({ pushed: 0 })
      return 0
    case 3:
      own.Policies.dispose()
      return 2
    case 4:
      own.Actors.dispose()
      return null
    case 5:
      void own.Networks.fit(own.Critic, own.Generator, own.ReplayBuffer, fit).catch(() => {})
      return 1
    case 6:
      structuredClone((own.memory ??= new ArrayBuffer(8)), {
        transfer: args.filter(ArrayBuffer.isView).map(({ buffer }) => buffer),
      })
      return 1
    case 7:
      own.Device.dispose()
      return 1
    case 8:
      own.Ars.dispose()
      own.ActorCritic.dispose()
      own.TransitionBuffer.dispose()
      return 2
    default:
      own.Policy.dispose()
      own.Rollout.dispose()
      return new Float32Array(3)
  }
}

function perform(world, { target, on, whose, without, changes }) {
  const [, first, method] = /^(new \w+|function \w+|\w+)(?:\.(\w+))?$/.exec(target)
  const args = changed(world.sets[whose].sound(first, method), changes, world, (n, args) => reenter(world, n, args))
  const [how, name] = first.split(' ')
  if (how === 'function') {
    try {
      return native[name](...args)
    } finally {
      native.setErrorClass(GogepoError)
    }
  }
  if (how === 'new') return without ? native[name](...args) : new native[name](...args)
  const self = Array.isArray(on) ? make(on, world) : world.sets[on][first]
  const { get, value } = Object.getOwnPropertyDescriptor(native[first].prototype, method)
  return Reflect.apply(get ?? value, self, args)
}

const property = fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
  ftruncateSync(note)
  writeSync(note, JSON.stringify(calls), 0)
  const world = await makeWorld()
  const promises = []
  const check = (error) => {
    if (!isCoded(error)) throw new Error(`without a code: ${error?.stack ?? String(error)}`)
    counts.refused[error.code] = (counts.refused[error.code] ?? 0) + 1
  }
  const began = performance.now()
  for (const call of calls) {
    counts.calls++
    try {
      const result = perform(world, call)
      if (result instanceof Promise) promises.push(result)
      counts.done++
      if (result?.dispose && result.constructor !== Object)
        promises.push(Promise.resolve().then(() => result.dispose()))
    } catch (error) {
      check(error)
    }
  }
  world.dispose()
  for (const { reason } of await Promise.allSettled(promises)) if (reason !== undefined) check(reason)
  const took = performance.now() - began
  if (took > slow) throw new Error(`took ${Math.round(took)} ms`)
})
const { failed, counterexample, errorInstance, numRuns } = await fc.check(property, {
  seed,
  numRuns: runs,
  endOnFailure: process.env.SHRINK === undefined,
})
console.log(
  JSON.stringify({
    runs: numRuns,
    ...counts,
    ...(failed && { failed: String(errorInstance?.message), counterexample }),
  }),
)
