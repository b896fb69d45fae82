// Calls the public API with invalid arguments, in any order: node api.mjs <seed> <runs> <file>. Prints the result as
// JSON. The file holds the calls in progress, in case this process crashes.
import { ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { types } from 'node:util'
import fc from 'fast-check'
import * as gogepo from '../../dist/index.js'
import { changed, changes, isCoded, make, Mine, value } from './values.mjs'

const [seed, runs, path] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]]
const folder = mkdtempSync(join(tmpdir(), 'gogepo-hostile-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
mkdirSync(join(folder, 'a', 'b', 'c'), { recursive: true })
process.chdir(join(folder, 'a', 'b', 'c')) // random relative paths stay in the folder
const note = openSync(path, 'w')
const counts = { calls: 0, refused: {}, done: 0 }
const slow = Number(process.env.SLOW ?? 2000) // milliseconds, for something that was asked to stop

const small = {
  policyHidden: [8],
  sliceSize: 4,
  generatorHidden: [8],
  criticHidden: [8],
  probingStates: 4,
  bufferSize: 10,
  evaluateEvery: 40,
  evaluationEpisodes: 2,
}
const place = { threads: 1, torchThreads: 1, device: 'cpu' }
const run = join(folder, 'run')
await gogepo.train({ task: 'InvertedPendulum-v5', steps: 60, run, settings: small, ...place }).result
const file = join(folder, 'policy.safetensors')
let made = 0
let opened
let policy
const reopen = async () => {
  opened ??= await gogepo.openRun(run, place)
  policy ??= gogepo.loadPolicy(file)
}
opened = await gogepo.openRun(run, place)
opened.policy(1).then((own) => own.save(file))
await opened.predict(1)
await reopen()

class Line {
  observationSpace = { low: [-1], high: [1] }
  actionSpace = { low: [-1], high: [1] }
  returnRange = [-10, 10]
  timeLimit = 5
  reset() {
    return [0]
  }
  step(action) {
    return { observation: [action[0]], reward: action[0], terminated: false, truncated: false }
  }
}
/** A task with arbitrary properties and return values. */
const odd = (args) =>
  class extends Line {
    constructor() {
      super()
      Object.assign(this, args[0])
    }
    reset() {
      return args[1]
    }
    step() {
      return args[2]
    }
  }

const sound = {
  train: () => [
    {
      task: 'InvertedPendulum-v5',
      steps: 30,
      seed: 1,
      run: join(folder, `run-${made++}`),
      settings: small,
      algorithm: 'gogepo',
      preset: 'paper',
      reporters: [{ start() {}, event() {}, end() {} }],
      onEvent: () => {},
      strategy: () => 1,
      signal: new AbortController().signal,
      stopAt: 1e9,
      ...place,
    },
  ],
  resume: () => [
    run,
    {
      steps: 90,
      settings: { evaluateEvery: 30 },
      onEvent: () => {},
      strategy: () => 1,
      signal: new AbortController().signal,
      ...place,
    },
  ],
  openRun: () => [run, { checkpoint: 'best', ...place }],
  loadPolicy: () => [file],
  bestPlusDrive: () => [20],
  checkEnv: () => [Line],
  task: () => [
    {
      timeLimit: 5,
      returnRange: [-1, 1],
      observationSpace: { low: [-1], high: [1] },
      actionSpace: { low: [-1], high: [1] },
    },
    [0],
    { observation: [0], reward: 1, terminated: false, truncated: false },
  ],
  'OpenedRun.evaluate': () => ['best', { episodes: 2, seed: 1 }],
  'OpenedRun.sweep': () => [{ from: 0, to: 10, points: 3, episodes: 1, seed: 1 }],
  'OpenedRun.predict': () => [1],
  'OpenedRun.policy': () => [1, { noise: true, seed: 1 }],
  'Policy.act': () => [[0, 0, 0, 0], new Float32Array(1)],
  'Policy.actBatch': () => [new Float64Array(8)],
  'Policy.save': () => [join(folder, 'saved.safetensors')],
}
const unheard = (training) => (training.result.catch(() => {}), training)
const ownClasses = {
  OpenedRun: opened.constructor,
  Policy: policy.constructor,
  Training: Object.getPrototypeOf(unheard(gogepo.train({ task: '' }))).constructor,
}
const methods = Object.entries(ownClasses).flatMap(([name, { prototype }]) =>
  Reflect.ownKeys(prototype)
    .filter((key) => key !== 'constructor')
    .map((key) => [`${name}.${String(key)}`, prototype, key]),
)
const targets = new Set([...Object.keys(sound), ...methods.map(([name]) => name)])

const call = fc.record({
  target: fc.constantFrom(...targets),
  on: fc.oneof({ weight: 6, arbitrary: fc.constant('own') }, { weight: 1, arbitrary: value }),
  changes,
})
const world = {
  handle: (which, whose) => {
    const own = [opened, policy, Line, new Line(), ownClasses.OpenedRun.prototype][which % 5]
    return whose === 'forged'
      ? Object.create(Object.getPrototypeOf(own))
      : whose === 'proxied'
        ? new Proxy(own, {})
        : own
  },
}
function reenter(n) {
  if (n < 3) throw new Mine('getter')
  if (n < 5) opened.dispose()
  else policy.dispose()
  return n
}

/** A call that asks for a million episodes is valid, and takes its time. */
function limitEpisodes(options) {
  if (typeof options !== 'object' || options === null || types.isProxy(options)) return
  const episodes = Object.getOwnPropertyDescriptor(options, 'episodes')
  if (typeof episodes?.value === 'number' && episodes.value > 1000 && episodes.writable) options.episodes = 1000
}

/** Performs a call. What would keep running is stopped. */
function perform({ target, on, changes }) {
  const args = changed(sound[target]?.() ?? [], changes, world, reenter)
  for (const options of args) limitEpisodes(options)
  if (target === 'task') return gogepo.train({ ...sound.train()[0], task: odd(args) })
  if (target in gogepo) return gogepo[target](...args)
  const [, prototype, key] = methods.find(([name]) => name === target)
  const { get, value } = Object.getOwnPropertyDescriptor(prototype, key)
  const own = { OpenedRun: opened, Policy: policy }[target.split('.')[0]] ?? gogepo.train(sound.train()[0])
  const self = on === 'own' ? own : make(on, world)
  try {
    return Reflect.apply(get ?? value, self, args)
  } finally {
    if (own.stop) (void own.result.catch(() => {}), own.stop())
    if (self !== own) delete own.constructor
  }
}

async function settle(result) {
  if (result?.result instanceof Promise) {
    // a training
    setTimeout(() => result.stop(), 15)
    return result.result
  }
  if (typeof result?.[Symbol.asyncIterator] === 'function') for await (const event of result) if (event) break
  return result
}

const property = fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 5 }), async (calls) => {
  ftruncateSync(note)
  writeSync(note, JSON.stringify(calls), 0)
  const check = (error, call) => {
    if (!isCoded(error)) throw new Error(`${call.target} without a code: ${error?.stack ?? String(error)}`)
    counts.refused[error.code] = (counts.refused[error.code] ?? 0) + 1
  }
  for (const call of calls) {
    counts.calls++
    const began = performance.now()
    try {
      const result = await settle(await perform(call))
      counts.done++
      if (result !== opened && result !== policy && typeof result?.dispose === 'function') result.dispose()
    } catch (error) {
      check(error, call)
    }
    const took = performance.now() - began
    if (took > slow) throw new Error(`${call.target} took ${Math.round(took)} ms`)
    try {
      ;(void opened.best, await opened.predict(1))
    } catch {
      opened = undefined
    }
    try {
      policy.act([0, 0, 0, 0])
    } catch {
      policy = undefined
    }
    await reopen()
  }
})
const unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(String(error?.stack ?? error)))
const { failed, counterexample, errorInstance, numRuns } = await fc.check(property, {
  seed,
  numRuns: runs,
  endOnFailure: process.env.SHRINK === undefined,
})
console.log(
  JSON.stringify({
    runs: numRuns,
    ...counts,
    ...(unhandled.length > 0 && { unhandled }),
    ...(failed && { failed: String(errorInstance?.message), counterexample }),
  }),
)
process.exit()
