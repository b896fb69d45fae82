// Calls the native classes as nobody should: node native.mjs <seed> <runs> <file>. Prints what came of it, as JSON. What is under way lies
// in the file, for when this process does not live to tell.
import { openSync, writeSync, ftruncateSync } from 'node:fs'
import fc from 'fast-check'
import { GogepoError } from '../../dist/errors.js'
import { openNative } from '../../dist/native.js'
import { changed, changes, isCoded, make, Mine, value } from './values.mjs'

const [seed, runs, path] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]]
const native = openNative()
const note = openSync(path, 'w')
const told = { calls: 0, refused: {}, done: 0 }
const slow = Number(process.env.SLOW ?? 2000) // milliseconds

const architecture = (observationSize, actionSize) => ({
  observationSize,
  actionSize,
  discrete: false,
  actionCenter: new Array(actionSize).fill(0),
  actionScale: new Array(actionSize).fill(1),
  policyHidden: [8],
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
const fit = {
  criticUpdates: 2,
  generatorUpdates: 2,
  batchSize: 4,
  criticLearningRate: 1e-3,
  generatorLearningRate: 1e-3,
  seed: 1,
}
const classes = Object.keys(native).filter(
  (name) => /^class|\[native code\]/.test(String(native[name])) && /^[A-Z]/.test(name),
)
const functions = Object.keys(native).filter((name) => typeof native[name] === 'function' && !classes.includes(name))
const methodsOf = (name) =>
  Object.getOwnPropertyNames(native[name].prototype).filter((method) => method !== 'constructor')

/** One of each class, made for one engine. */
class Objects {
  constructor([env, observations], options = {}) {
    this.env = env
    this.observations = observations
    this.Engine = new native.Engine({
      architecture: architecture(observations, 1),
      engine: 'fast',
      device: 'cpu',
      threads: 1,
      ...options,
    })
    this.size = this.Engine.sizes.policy
    this.Policies = new native.Policies(this.Engine, new Float32Array(3 * this.size))
    this.Generator = new native.Generator(this.Engine, { seed: 1 })
    this.Critic = new native.Critic(this.Engine, { seed: 1 })
    this.ReplayBuffer = new native.ReplayBuffer(this.Engine, { capacity: 5, recencyExponent: 1 })
    this.ReplayBuffer.push(this.Policies, new Float32Array(3))
    this.Rollout = new native.Rollout(this.Engine, { env, options: {}, threads: 1 })
    this.Policy = new native.Policy({
      sizes: [observations, 8, 1],
      discrete: false,
      actionCenter: [0],
      actionScale: [1],
      observationMean: new Float64Array(observations),
      observationStd: new Float64Array(observations).fill(1),
    })
    this.Actors = new native.Actors(this.Engine, { rows: 2 })
    this.Actors.start(this.Policies, { statistics: null, learning: true })
    this.Actors.begin(0, 1)
  }

  dispose() {
    for (const name of ['Rollout', 'Actors', 'Policy', 'ReplayBuffer', 'Critic', 'Generator', 'Policies', 'Engine'])
      this[name].dispose()
  }

  /** Arguments that fit: of a constructor, a method or a function. */
  sound(name, method) {
    const { observations: o, size, env } = this
    const run = {
      episodes: 2,
      seed: 1,
      purpose: 'evaluation',
      firstIndex: 0,
      statistics: statistics(o),
      learning: true,
      removeSurvivalBonus: true,
    }
    const args = {
      'new Engine': [{ architecture: architecture(o, 1), engine: 'fast', device: 'cpu', threads: 1 }],
      'new Policies': [this.Engine, new Float32Array(size)],
      'new Generator': [this.Engine, { seed: 1 }],
      'new Critic': [this.Engine, { seed: 1 }],
      'new ReplayBuffer': [this.Engine, { capacity: 5, recencyExponent: 1 }],
      'new Rollout': [this.Engine, { env, options: {}, threads: 1 }],
      'new Policy': [
        {
          sizes: [o, 8, 1],
          discrete: false,
          actionCenter: [0],
          actionScale: [1],
          observationMean: new Float64Array(o),
          observationStd: new Float64Array(o).fill(1),
        },
      ],
      'new Actors': [this.Engine, { rows: 2 }],
      'Engine.sgemm': [{ m: 4, n: 4, k: 4, repeats: 2 }],
      'Policies.actions': [new Float32Array(2 * o)],
      'Generator.generate': [new Float32Array(2), { noise: 0.1, seed: 1, firstEpisode: 0 }],
      'Generator.update': [this.Critic, new Float32Array(2), { learningRate: 1e-3 }],
      'Generator.restore': [
        {
          values: new Float32Array((this.generatorSize ??= this.sizes('generator'))),
          firstMoment: new Float32Array(this.generatorSize),
          secondMoment: new Float32Array(this.generatorSize),
          updates: 1,
        },
      ],
      'Critic.value': [this.Policies],
      'Critic.fingerprint': [this.Policies],
      'Engine.fit': [this.Critic, this.Generator, this.ReplayBuffer, fit],
      'Critic.update': [this.Policies, new Float32Array(3), { learningRate: 1e-3 }],
      'Critic.restore': [
        {
          values: new Float32Array((this.criticSize ??= this.sizes('critic'))),
          firstMoment: new Float32Array(this.criticSize),
          secondMoment: new Float32Array(this.criticSize),
          updates: 1,
        },
      ],
      'ReplayBuffer.push': [this.Policies, new Float32Array(3), new Uint8Array(3)],
      'ReplayBuffer.rows': [{ first: 0, count: 2 }],
      'ReplayBuffer.draw': [{ network: 'critic', seed: 1, firstUpdate: 0, updates: 2, batchSize: 3 }],
      'ReplayBuffer.clear': [{ pushed: 0 }],
      'Rollout.run': [this.Policies, run],
      'Policy.load': [new Float32Array(o * 8 + 8 + 8 + 1)],
      'Policy.act': [new Float64Array(2 * o), new Float32Array(2)],
      'Actors.start': [this.Policies, { statistics: statistics(o), learning: true }],
      'Actors.begin': [1, 2],
      'Actors.act': [new Float32Array(2 * o), new Float32Array(2), Uint8Array.of(1, 0)],
      'Actors.moments': [0],
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

  sizes(network) {
    try {
      return this.Engine.sizes[network]
    } catch {
      return 1
    }
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

function makeWorld() {
  const own = new Objects(['InvertedPendulum-v5', 4])
  const other = new Objects(['Pendulum-v1', 3], { engine: 'reference' })
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

/** What the caller's own getter does in the middle of a call. */
function reenter(world, n, args) {
  const { own } = world.sets
  switch (n) {
    case 0:
      throw new Mine('getter')
    case 1:
      own.Engine.dispose()
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
      void own.Engine.fit(own.Critic, own.Generator, own.ReplayBuffer, fit).catch(() => {})
      return 1
    case 6:
      structuredClone((own.memory ??= new ArrayBuffer(8)), {
        transfer: args.filter(ArrayBuffer.isView).map(({ buffer }) => buffer),
      })
      return 1
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
  const world = makeWorld()
  const promises = []
  const check = (error) => {
    if (!isCoded(error)) throw new Error(`without a code: ${error?.stack ?? String(error)}`)
    told.refused[error.code] = (told.refused[error.code] ?? 0) + 1
  }
  const began = performance.now()
  for (const call of calls) {
    told.calls++
    try {
      const result = perform(world, call)
      if (result instanceof Promise) promises.push(result)
      told.done++
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
  JSON.stringify({ runs: numRuns, ...told, ...(failed && { failed: String(errorInstance?.message), counterexample }) }),
)
