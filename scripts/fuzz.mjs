// Fuzz test: corrupts gogepo's inputs and checks that they are rejected.
//   node scripts/fuzz.mjs --seconds n [--seed s] [--inputs n] [--from n]
// The last line counts inputs tried; crashes (any exception but a GogepoError, or a dead process); hangs (an input that
// takes two seconds); and silent failures (a corrupted checkpoint file that is accepted, or a file read as something
// its bytes are not). Each finding is printed with the number of its input, so that --from can reproduce it. Inputs run
// in a child process, so that crashes and infinite loops are caught too.
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { settingsFor, tableOf } from '../dist/algorithms/algorithm.js'
import { algorithms } from '../dist/algorithms/registry.js'
import { GogepoError } from '../dist/base/errors.js'
import { encodeSafetensors, readSafetensors } from '../dist/base/safetensors.js'
import { parseTaskOption, readTaskOptions } from '../dist/env/task-options.js'
import { openNative } from '../dist/native/open.js'
import { loadPolicy } from '../dist/policy/policy.js'
import { RunFolder } from '../dist/run/folder.js'
import { parseSettings } from '../dist/settings/setting.js'

const slow = 2000 // milliseconds
const phrases = [
  'null',
  '-1',
  '1e309',
  '0.5',
  '9007199254740993',
  '18446744073709551615',
  '""',
  '[]',
  '{}',
  '[[[[[[[[',
  '"__proto__"',
  '"constructor"',
  '"toString":1,',
  '{"toString":null}',
  '\\u0000',
  '\u001b[2J',
  '../../',
  'F32',
  'I64',
  'true',
  ',',
  ':',
  '"',
  '=',
  '-inf',
  'NaN',
  '\ufeff',
  ' ',
]

if (process.send) await work(process.argv[2], ...process.argv.slice(3).map(Number))
else await main()

async function main() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      inputs: { type: 'string', default: 'Infinity' },
      from: { type: 'string', default: '0' },
    },
  })
  const [seconds, seed, most, first] = [
    Number(values.seconds),
    Number(values.seed),
    Number(values.inputs),
    Number(values.from),
  ]
  if (!(seconds > 0) || !Number.isSafeInteger(seed) || !(most > 0) || !Number.isSafeInteger(first)) {
    console.error('fuzz: expected --seconds n [--seed s] [--inputs n] [--from n]')
    process.exit(2)
  }
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gogepo-fuzz-'))
  const ends = performance.now() + seconds * 1000
  const total = { inputs: 0, crashes: 0, hangs: 0, silent: 0 }
  for (
    let from = first;
    performance.now() < ends && total.inputs < most && total.crashes + total.hangs + total.silent < 100;
  ) {
    const done = await attempt(folder, seed, from, Math.min(first + most - from, Number.MAX_SAFE_INTEGER), ends)
    for (const { input, kind, reader, what } of done.findings) {
      total[kind]++
      console.error(`${kind}: input ${input} of seed ${seed}, ${reader}: ${what}`)
    }
    total.inputs += done.next - from
    from = done.next
  }
  rmSync(folder, { recursive: true, force: true })
  console.log(JSON.stringify(total))
  process.exitCode = total.crashes + total.hangs + total.silent > 0 ? 1 : 0
}

/** Runs a child process from input `from` on, until it finishes, dies or hangs. */
function attempt(folder, seed, from, most, ends) {
  return new Promise((resolve) => {
    const findings = []
    const child = fork(fileURLToPath(import.meta.url), [folder, String(seed), String(from), String(most)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const underWay = () => Number(readFileSync(join(folder, 'now'), 'utf8'))
    let seen = -1
    let since = performance.now() + 60_000 // allow time to load LibTorch
    let next
    writeFileSync(join(folder, 'now'), String(from).padEnd(16))
    const watch = setInterval(() => {
      const now = underWay()
      if (now !== seen && now !== from) [seen, since] = [now, performance.now()]
      if (performance.now() >= ends) next = Math.max(now, from + 1)
      else if (next === undefined && performance.now() - since > slow) {
        findings.push({ kind: 'hangs', input: now, reader: 'unknown', what: `no result after ${slow} ms` })
        next = now + 1
      }
      if (next !== undefined) child.kill('SIGKILL')
    }, 50)
    child.on('message', (finding) => findings.push(finding))
    child.on('exit', (code, signal) => {
      clearInterval(watch)
      if (next === undefined && code !== 0)
        findings.push({
          kind: 'crashes',
          input: underWay(),
          reader: 'unknown',
          what: `the process exited with ${signal ?? code}`,
        })
      resolve({ findings, next: next ?? underWay() + 1 })
    })
  })
}

// ---------------------------------------------------------------- child process

async function work(folder, seed, from, most) {
  rmSync(join(folder, 'work'), { recursive: true, force: true })
  mkdirSync(join(folder, 'work'))
  const readers = await makeReaders(join(folder, 'work'))
  const names = Object.keys(readers)
  const now = openSync(join(folder, 'now'), 'r+')
  for (let i = from; i < from + most; i++) {
    writeSync(now, String(i).padEnd(16), 0)
    const random = numbersOf(seed, i)
    const reader = names[i % names.length]
    const { sound, read, many } = readers[reader]
    const bytes = damaged(sound[below(random, sound.length)], random, many)
    const begun = performance.now()
    let finding
    try {
      const silent = read(bytes, random)
      if (silent) finding = { kind: 'silent', what: silent }
    } catch (error) {
      if (!(error instanceof GogepoError)) finding = { kind: 'crashes', what: String(error?.stack ?? error) }
    }
    if (performance.now() - begun > slow)
      finding = { kind: 'hangs', what: `took ${Math.round(performance.now() - begun)} ms` }
    if (finding) await new Promise((resolve) => process.send({ ...finding, reader, input: i }, resolve))
  }
  process.disconnect()
}

/**
 * For each reader, valid inputs and a function that reads a corrupted one: it throws, or returns a description of the
 * silent failure.
 */
async function makeReaders(folder) {
  const native = openNative()
  const file = join(folder, 'a.safetensors')
  const safetensors = (tensors, metadata = {}) => Buffer.concat(encodeSafetensors('a', { tensors, metadata }))
  const f32 = (shape, fill = 0.5) => ({
    dtype: 'F32',
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
  })
  const f64 = (shape, fill = 0.5) => ({
    dtype: 'F64',
    shape,
    data: new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
  })

  // --- a run with a checkpoint of a tiny learner
  const run = join(folder, 'run')
  const [gogepo] = algorithms
  const task = native.env({ env: 'InvertedPendulum-v5', options: {} })
  const complete = (algorithm, given) =>
    settingsFor(algorithm, task, { given, preset: Object.keys(algorithm.presets)[0] })
  const settings = complete(gogepo, { bufferSize: 8 })
  const versions = { gogepo: '0', libtorch: '0', mujoco: '0', node: '0' }
  const config = {
    format: 2,
    algorithm: gogepo.name,
    task: task.id,
    taskOptions: { reset_noise_scale: 0.1 },
    seed: 1,
    steps: 100,
    stopAt: null,
    preset: 'paper',
    settings,
    device: 'cpu',
    threads: 1,
    torchThreads: 1,
    versions,
    machine: { cpu: 'any', cores: 1, platform: 'any' },
    created: '2026-01-01T00:00:00.000Z',
  }
  const session = {
    history: { steps: 10, episodes: 3, best: 2 },
    log: {
      first: 0,
      end: 3,
      bytesPerRow: 20,
      read: (first, count) => ({ thetas: f32([count, 4], 1), returns: f32([count], 0) }),
      restore() {},
    },
    state: () => ({ tensors: { values: f32([6]), history: f64([3]) }, counters: { steps: 10, episodes: 3 } }),
    restore() {},
  }
  const runFolder = RunFolder.create(run, config, gogepo)
  await runFolder.save(session, {
    iterations: 3,
    evaluatedAt: 10,
    evaluationEpisodes: 10,
    seconds: 1,
    lastEvaluation: { steps: 10, command: 1, mean: 1, std: 0, achievedMean: 1, achievedStd: 0 },
    bestEvaluation: null,
  })
  await runFolder.settled()
  runFolder.append({
    type: 'episode',
    steps: 10,
    episode: 1,
    command: 1,
    return: 1,
    fullReturn: 1,
    length: 10,
    best: 1,
    seconds: 1,
  })
  runFolder.close()
  const keptRun = join(folder, 'kept')
  cpSync(run, keptRun, { recursive: true })

  const methodOf = (settings) => Object.entries(settings).filter(([name]) => tableOf(gogepo)[name]?.scope === 'method')
  const openAll = () => {
    const opened = RunFolder.open(run)
    opened.load(session, 'last', true)
    return opened
  }
  const inRun = (path, { sealed = false } = {}) => ({
    sound: [readFileSync(join(keptRun, path))],
    read(bytes) {
      const sound = readFileSync(join(keptRun, path))
      if (bytes.equals(sound)) return undefined
      writeFileSync(join(run, path), bytes)
      try {
        openAll()
      } finally {
        writeFileSync(join(run, path), sound)
      }
      return sealed ? `${path} was accepted` : undefined
    },
  })
  const [steps] = readdirSync(join(run, 'checkpoints'))
  const [segment] = readdirSync(join(run, 'buffer'))
  const manifestPath = join('checkpoints', steps, 'manifest.json')
  const manifest = readFileSync(join(keptRun, manifestPath), 'utf8').split('\n')[1]

  const asks = {
    settings: [{ noise: 0.1 }, { policyHidden: [64, 64], sliceSize: 16 }, settings],
    options: [{ frame_skip: 4, healthy_z_range: [0.7, 'inf'] }, { terminate_when_unhealthy: false }],
  }
  const policy = {
    'layers.0.weight': f32([4, 2]),
    'layers.0.bias': f32([4]),
    'layers.1.weight': f32([1, 4]),
    'layers.1.bias': f32([1]),
    'observation.mean': f64([2]),
    'observation.std': f64([2]),
    'action.low': f64([1], -1),
    'action.high': f64([1], 1),
  }
  const origin = { task: 'a', command: 1, predicted: 1, noise: 0, run: 'a', gogepo: '0' }
  const spec = { discrete: false, activation: 'tanh', output: 'tanh' }
  const policyMetadata = Object.fromEntries(
    Object.entries({ ...origin, ...spec }).map(([name, value]) => [name, JSON.stringify(value)]),
  )
  const small = {
    a: f32([2, 3]),
    b: f64([2]),
    c: { dtype: 'I64', shape: [], data: BigInt64Array.of(-1n) },
    d: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  }

  return {
    safetensors: {
      sound: [safetensors(small, { made: 'here' }), safetensors({}), safetensors({ e: f32([0, 4]) })],
      read(bytes) {
        writeFileSync(file, bytes)
        const { tensors } = readSafetensors(file)
        let data = 0
        for (const { shape, data: numbers } of Object.values(tensors)) {
          data += numbers.byteLength
          if (shape.reduce((a, b) => a * b, 1) !== numbers.length)
            return 'a tensor has the wrong number of elements for its shape'
        }
        const header = Number(bytes.readBigUInt64LE())
        return 8 + header + data === bytes.length
          ? undefined
          : `${bytes.length} bytes were read as ${8 + header + data}`
      },
    },
    policy: {
      sound: [safetensors(policy, policyMetadata)],
      read(bytes) {
        writeFileSync(file, bytes)
        const opened = loadPolicy(file)
        const action = opened.act(new Float64Array(opened.observationSize))
        opened.dispose()
        return action.length === opened.actionSize ? undefined : 'an action of the wrong size'
      },
    },
    config: {
      sound: [readFileSync(join(keptRun, 'config.json'))],
      read(bytes) {
        const sound = readFileSync(join(keptRun, 'config.json'))
        writeFileSync(join(run, 'config.json'), bytes)
        try {
          const { config } = openAll()
          const identity = ({ algorithm, task, seed, settings, taskOptions }) =>
            JSON.stringify([algorithm, task, seed, methodOf(settings), taskOptions])
          return identity(config) === identity(JSON.parse(sound))
            ? undefined
            : 'a config that does not match the checkpoint was accepted'
        } finally {
          writeFileSync(join(run, 'config.json'), sound)
        }
      },
    },
    manifest: inRun(manifestPath, { sealed: true }),
    learner: inRun(join('checkpoints', steps, 'learner.safetensors'), { sealed: true }),
    segment: inRun(join('buffer', segment), { sealed: true }),
    resealed: {
      sound: [Buffer.from(manifest)],
      read(bytes) {
        writeFileSync(
          join(run, manifestPath),
          Buffer.concat([
            Buffer.from(`${createHash('sha256').update(bytes.toString('utf8')).digest('hex')}\n`),
            bytes,
            Buffer.from('\n'),
          ]),
        )
        try {
          openAll().load(session, 'best', true)
        } finally {
          writeFileSync(join(run, manifestPath), readFileSync(join(keptRun, manifestPath)))
        }
      },
    },
    events: {
      sound: [readFileSync(join(keptRun, 'events.jsonl'))],
      read(bytes) {
        writeFileSync(join(run, 'events.jsonl'), bytes)
        const event = RunFolder.open(run).events.last()
        return event === undefined || Number.isSafeInteger(event.steps) ? undefined : 'an event without steps'
      },
    },
    settingText: {
      sound: ['noise=0.05', 'policyHidden=64,64', 'backend=fast', 'topDirections=all', 'tf32=true'].map((text) =>
        Buffer.from(text),
      ),
      read(bytes, random) {
        const algorithm = algorithms[below(random, algorithms.length)]
        complete(algorithm, parseSettings(tableOf(algorithm), [bytes.toString()]))
      },
    },
    optionText: {
      sound: ['frame_skip=4', 'healthy_z_range=0.7,inf', 'a=true'].map((text) => Buffer.from(text)),
      read: (bytes) => void native.env({ env: 'Hopper-v5', options: parseTaskOption(bytes.toString()) }),
    },
    settingJson: {
      sound: asks.settings.map((given) => Buffer.from(JSON.stringify(given))),
      read: (bytes) => void complete(gogepo, parsed(bytes) ?? {}),
    },
    optionJson: {
      sound: asks.options.map((given) => Buffer.from(JSON.stringify(given))),
      read(bytes) {
        const json = parsed(bytes)
        let options
        try {
          options = readTaskOptions(json)
        } catch {
          return // its caller reports this error
        }
        native.env({ env: 'Hopper-v5', options })
      },
    },
    replay: {
      sound: [Buffer.from(new Float64Array(24).fill(0.1).buffer)],
      many: true,
      read(bytes, random) {
        const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~7)))
        const env = ['CartPole-v1', 'Acrobot-v1', 'MountainCar-v0', 'Pendulum-v1', 'InvertedPendulum-v5', 'Reacher-v5'][
          below(random, 6)
        ]
        const { discrete, actionSize } = native.env({ env, options: {} })
        const width = discrete ? 1 : actionSize
        const steps = below(random, 4)
        native.replay({
          env,
          options: {},
          actions: numbers.slice(0, steps * width),
          resets: Float64Array.of(random() < 0.9 ? 0 : (numbers[0] ?? 0)),
          states: numbers.slice(0, { 'Pendulum-v1': 2, 'MountainCar-v0': 2, 'Reacher-v5': 8 }[env] ?? 4),
        })
      },
    },
  }
}

function parsed(bytes) {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined // invalid JSON never reaches gogepo
  }
}

// ---------------------------------------------------------------- corruption

/** Applies one to four random corruptions; for arrays of float64 (`many`), these include overwriting whole elements. */
function damaged(sound, random, many = false) {
  let bytes = Buffer.from(sound)
  for (let n = 1 + below(random, 4); n > 0; n--) {
    const at = below(random, bytes.length + 1)
    const span = below(random, Math.min(16, bytes.length - at) + 1)
    const insert = (what, removed = 0) =>
      (bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(what), bytes.subarray(at + removed)]))
    switch (below(random, many ? 10 : 9)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << below(random, 8)
        break
      case 1:
        if (at < bytes.length) bytes[at] = below(random, 256)
        break
      case 2:
        bytes = Buffer.from(bytes.subarray(0, at))
        break
      case 3:
        insert('', span)
        break
      case 4:
        insert(phrases[below(random, phrases.length)])
        break
      case 5:
        insert(phrases[below(random, phrases.length)], span)
        break
      case 6:
        insert(bytes.subarray(at, at + span))
        break
      case 7:
        if (bytes.length >= 8)
          bytes.writeBigUInt64LE(
            [0n, 1n, 2n ** 32n, 2n ** 63n, BigInt(bytes.length), BigInt(below(random, 1 << 20))][below(random, 6)],
          )
        break
      case 8: {
        // replace a digit: most numbers are short
        const digit = bytes.indexOf(48 + below(random, 10), at)
        if (digit >= 0) bytes[digit] = 48 + below(random, 10)
        break
      }
      case 9:
        if (bytes.length >= 8)
          bytes.writeDoubleLE(
            [NaN, Infinity, -Infinity, 1e300, -1e300, 1e9, -1, 0, 2.5, 5e-324][below(random, 10)],
            8 * below(random, bytes.length >> 3),
          )
        break
    }
  }
  return bytes
}

function below(random, n) {
  return Math.floor(random() * n)
}

/** The random number generator of one input, determined by the seed and the input's number. */
function numbersOf(seed, input) {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(input + 1, 0x85ebca6b)) | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}
