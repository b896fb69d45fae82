// Tasks of users' own as they meet them: what gogepo check finds, the command line, and the examples, trained.
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { checkEnv, type FindingKind } from '../lib/env/check-env.js'
import type { Environment, EnvironmentFactory, EnvironmentStep, Observation } from '../lib/env/environment.js'
import { small } from './small.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const cli = join(root, 'dist', 'cli', 'main.js')
const tasks = join(root, 'examples', 'tasks')

class Fine implements Environment {
  readonly observationSpace: Environment['observationSpace'] = { low: [-10, 0], high: [10, 1000] }
  readonly actionSpace: Environment['actionSpace'] = { low: [-1], high: [1] }
  readonly returnRange: readonly [number, number] = [-10, 10]
  readonly timeLimit: number | undefined = 100
  x = 0
  t = 0
  reset(seed: number): Observation | { observation: Observation } {
    this.x = (seed % 10) / 10
    this.t = 0
    return [this.x, this.t]
  }
  step(action: Float32Array | number): EnvironmentStep | Promise<EnvironmentStep> {
    this.x = Math.max(-10, Math.min(10, this.x + (typeof action === 'number' ? action : action[0]!)))
    this.t += 1
    return { observation: [this.x, this.t], reward: this.x, terminated: this.t >= 50, truncated: false }
  }
}
const stepOf = (task: Fine, action: Float32Array | number): EnvironmentStep =>
  Fine.prototype.step.call(task, action) as EnvironmentStep
let shared = 0

/** Each mistake: what is found, and words of it. */
const mistakes: Record<string, [EnvironmentFactory, FindingKind, RegExp]> = {
  'spaces missing': [
    class extends Fine {
      override readonly observationSpace = undefined as never
    },
    'properties',
    /observationSpace is missing.*shape: \[n\]/,
  ],
  'bounds that do not fit': [
    class extends Fine {
      override readonly observationSpace = { low: [0, 0], high: [1] }
    },
    'properties',
    /1 numbers in high, and 2/,
  ],
  'bounds the wrong way round': [
    class extends Fine {
      override readonly actionSpace = { low: [1], high: [-1] }
    },
    'properties',
    /low of 1 and a high of -1/,
  ],
  'actions without bounds': [
    class extends Fine {
      override readonly actionSpace = { shape: [1] }
    },
    'properties',
    /not finite/,
  ],
  'a single choice': [
    class extends Fine {
      override readonly actionSpace = { n: 1 }
    },
    'properties',
    /actionSpace\.n is 1/,
  ],
  'a range of returns upside down': [
    class extends Fine {
      override readonly returnRange = [1, 0] as const
    },
    'properties',
    /returnRange is \[1, 0\]/,
  ],
  'no range of returns': [
    class extends Fine {
      override readonly returnRange = undefined as never
    },
    'no-return-range',
    /--set returnMin/,
  ],
  'wrong shape': [
    class extends Fine {
      override reset = () => [0]
    },
    'observation',
    /reset: the observation has 1 numbers, and observationSpace 2/,
  ],
  'whole numbers only': [
    class extends Fine {
      override reset = () => new Int32Array(2) as never
    },
    'observation',
    /Int32Array.*Return a Float32Array/,
  ],
  nested: [
    class extends Fine {
      override reset = () => [[0], [0]] as never
    },
    'observation',
    /number 0 is \[0\].*flatten/,
  ],
  NaN: [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: [this.x, Math.sqrt(-this.t)] }
      }
    },
    'observation',
    /step: the observation’s number 1 is NaN/,
  ],
  'a reward that is no number': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: '1' as never }
      }
    },
    'step',
    /the reward is "1"/,
  ],
  'a reward that is NaN': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: NaN }
      }
    },
    'step',
    /the reward is NaN/,
  ],
  'the old words': [
    class extends Fine {
      override step() {
        return { observation: [0, 0], reward: 0, done: false } as never
      }
    },
    'step',
    /terminated is missing/,
  ],
  'reset by chance': [
    class extends Fine {
      override reset(seed: number) {
        super.reset(seed)
        this.x = Math.random()
        return [this.x, 0]
      }
    },
    'reset-not-reproducible',
    /never from Math\.random/,
  ],
  'reset that forgets': [
    class extends Fine {
      y = 0
      override reset(seed: number) {
        super.reset(seed)
        return [this.y, 0]
      }
      override step(action: Float32Array) {
        this.y = 5
        return stepOf(this, action)
      }
    },
    'reset-not-reproducible',
    /what the last episode left behind/,
  ],
  'steps by chance': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: Math.random() }
      }
    },
    'step-not-reproducible',
    /step 1 gave something else/,
  ],
  'out of its space': [
    class extends Fine {
      override readonly observationSpace = { low: [-0.5, 0], high: [0.5, 1000] }
    },
    'observation-space',
    /allows -0\.5 to 0\.5/,
  ],
  'actions not expected': [
    class extends Fine {
      override readonly actionSpace = { n: 4 }
      override step(action: number) {
        if (action === 3) throw new Error('no such choice')
        return stepOf(this, action)
      }
    },
    'threw',
    /step\(3\) threw Error: no such choice/,
  ],
  'a step after the end': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), terminated: this.t === 50 }
      }
    },
    'goes-on-after-its-end',
    /another step said that it had not/,
  ],
  'a forgotten end': [
    class extends Fine {
      override readonly timeLimit = undefined
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        return { ...stepOf(this, action), terminated: false }
      }
    },
    'no-end',
    /10000 steps did not end.*timeLimit/,
  ],
  'an array used again': [
    class extends Fine {
      array = [0, 0]
      override reset(seed: number) {
        super.reset(seed)
        this.array[0] = this.x
        this.array[1] = 0
        return this.array
      }
      override step(action: Float32Array) {
        const step = stepOf(this, action)
        this.array[0] = this.x
        this.array[1] = this.t
        return { ...step, observation: this.array }
      }
    },
    'array-changed',
    /slice\(\)/,
  ],
  'an action changed': [
    class extends Fine {
      override step(action: Float32Array) {
        action[0]! *= 0.5
        return stepOf(this, action)
      }
    },
    'action-changed',
    /Copy the action/,
  ],
  'state shared': [
    class extends Fine {
      override reset(seed: number) {
        super.reset(seed)
        shared = 0
        return [this.x, 0]
      }
      override step(action: Float32Array) {
        shared += action[0]!
        return { ...stepOf(this, action), reward: shared }
      }
    },
    'state-shared',
    /not in variables of the module/,
  ],
  'a close that throws': [
    class extends Fine {
      close() {
        throw new Error('closed before')
      }
    },
    'threw',
    /close threw Error: closed before/,
  ],
  'an error with a reason': [
    class extends Fine {
      override reset(): never {
        throw new Error('no answer', { cause: new Error('refused') })
      }
    },
    'threw',
    /Error: no answer \(refused\)/,
  ],
  'a class that cannot be made': [
    class {
      constructor() {
        throw new Error('no database')
      }
    } as never,
    'threw',
    /could not be made: Error: no database/,
  ],
}

test('checkEnv finds each mistake, and nothing else', async (t) => {
  for (const [name, [factory, kind, words]] of Object.entries(mistakes)) {
    const findings = await checkEnv(factory)
    t.strictSame(
      findings.map((finding) => finding.kind),
      [kind],
      name,
    )
    t.match(`${findings[0]?.problem}. ${findings[0]?.fix}`, words, name)
  }
})

test('checkEnv finds nothing where nothing is wrong', async (t) => {
  class Asynchronous extends Fine {
    override async step(action: Float32Array): Promise<EnvironmentStep> {
      return Promise.resolve(stepOf(this, action))
    }
  }
  class Refusing extends Fine {
    override step(action: Float32Array): EnvironmentStep {
      if (this.t >= 50) throw new Error('reset first')
      return stepOf(this, action)
    }
  }
  class Wrapped extends Fine {
    override reset(seed: number) {
      return { observation: Float32Array.from(super.reset(seed) as number[]) }
    }
  }
  for (const task of [Fine, () => new Fine(), async () => new Fine(), new Fine(), Asynchronous, Refusing, Wrapped])
    t.strictSame(await checkEnv(task as EnvironmentFactory), [])
  for (const file of readdirSync(tasks))
    t.strictSame(
      await checkEnv(((await import(join(tasks, file))) as { default: EnvironmentFactory }).default),
      [],
      file,
    )
})

test('the command line: check, train and ask about a file, and what it says where the file is wrong', (t) => {
  const dir = t.testdir()
  const gogepo = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  const task = join(tasks, 'point-mass.ts')
  const name = gogepo('check', task)
  t.match(name, {
    status: 0,
    stdout: /point-mass\.ts: nothing was found wrong\. Train on it: gogepo train /,
    stderr: '',
  })
  writeFileSync(
    join(dir, 'half.mjs'),
    'export default class { observationSpace = { shape: [1] }; actionSpace = { n: 2 }; reset() { return [Math.random()] } step() { return { observation: [0], reward: 0, terminated: true, truncated: false } } }',
  )
  t.match(gogepo('check', './half.mjs'), {
    status: 1,
    stdout: /^\.\/half\.mjs:\n1\. no-return-range: .*\n {3}Give .*\n2\. reset-not-reproducible: .*\n {3}Let .*\n$/,
  })
  const found = gogepo('check', './half.mjs', '--json')
  t.match(JSON.parse(found.stdout), {
    task: './half.mjs',
    findings: [{ kind: 'no-return-range', problem: String, fix: String }, { kind: 'reset-not-reproducible' }],
  })
  t.match(gogepo('check', './none.ts'), { status: 2, stderr: /There is no module \.\/none\.ts/ })
  t.match(gogepo('check', './half'), { status: 2, stderr: /Did you mean the file \.\/half\.mjs\?/ })
  t.match(gogepo('train', 'half'), { status: 2, stderr: /Unknown task "half"\. Did you mean the file \.\/half\.mjs\?/ })
  t.match(gogepo('envs', './half.mjs'), { status: 0, stdout: /2 choices, returns not said/ })
  writeFileSync(
    join(dir, 'never.mjs'),
    'export default class { observationSpace = { shape: [1] }; actionSpace = { low: [0], high: [2] }; returnRange = [0, 1]; timeLimit = 5; reset() { return [0] } step() { return new Promise(() => {}) } }',
  )
  t.match(gogepo('check', './never.mjs'), {
    status: 1,
    stdout: /1\. threw: step gave a promise that nothing can settle/,
  })
  t.match(gogepo('train', './never.mjs', '--run', 'never'), {
    status: 1,
    stderr: /never\.mjs: reset or step gave a promise that nothing can settle/,
  })
  t.match(gogepo('envs', './never.mjs'), { stdout: /action 1 \(0 to 2\)/ })
  writeFileSync(
    join(dir, 'throws.mjs'),
    'export default class { observationSpace = { shape: [1] }; actionSpace = { n: 2 }; returnRange = [0, 1]; timeLimit = 5; reset() { return [0] }\nstep() { throw new Error("no") } }',
  )
  t.match(gogepo('train', './throws.mjs', '--run', 'throws'), {
    status: 1,
    stderr: /step threw Error: no\n +at .*throws\.mjs:2:\d+\)\n$/,
  })
  t.match(gogepo('train', './half.mjs', '--run', 'x'), { status: 2, stderr: /returnMin.*--set returnMin=<number>/ })

  const sets = Object.entries({ ...small, evaluateEvery: 200 }).flatMap(([key, value]) => [
    '--set',
    `${key}=${String(value)}`,
  ])
  t.match(gogepo('train', task, '--steps', '300', '--run', 'run', '--threads', '1', '--torch-threads', '1', ...sets), {
    status: 0,
    stdout: /point-mass\.ts, seed 1, 300 steps/,
    stderr: '',
  })
  t.match(gogepo('train', '--resume', 'run', '--steps', '400'), { status: 0 })
  t.match(gogepo('evaluate', 'run', '--command', '-10', '--episodes', '2'), {
    status: 0,
    stdout: /point-mass\.ts: asked -10, achieved/,
  })
  t.match(gogepo('sweep', 'run', '--points', '3', '--episodes', '2', '--task', task), { status: 0 })
  t.match(gogepo('generate', 'run', '--command', '-10', '--task', task, '--out', 'policy.safetensors'), { status: 0 })
  t.match(gogepo('check', '.'), { status: 2, stderr: /There is no module/ })
  writeFileSync(join(dir, 'module.js'), 'export default class {}')
  writeFileSync(join(dir, 'package.json'), '{}')
  const { stdout, stderr } = gogepo('check', 'module.js')
  t.match(stdout + stderr, /observationSpace is missing|name it \.mjs/, 'newer versions of Node see what it is')
  t.match(gogepo('train', task, '--task', task), { status: 2, stderr: /--task is for --resume/ })
  t.end()
})

test('the examples are solved', (t) => {
  const example = (name: string) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'examples', name)], {
      cwd: t.testdirName,
      encoding: 'utf8',
    })
    t.equal(status, 0, stderr)
    return stdout
  }
  t.testdir()
  t.match(example('8-point-mass.mjs'), /^(after \d+ steps: .*\n)+solved; the run is in runs\/point-mass-s1-1\n$/)
  const budgets = [...example('9-heating-budget.mjs').matchAll(/asked for a day of (\S+) euros: it cost (\S+) ±/g)].map(
    ([, asked, cost]) => [Number(asked), Number(cost)] as const,
  )
  t.equal(budgets.length, 6)
  for (const [asked, cost] of budgets)
    if (asked >= 8) t.ok(Math.abs(cost - asked) < 1.5, `asked ${asked}, cost ${cost}`)
  t.ok(budgets.at(-1)![1] < 7.5, 'and the guard’s least cost below')
  t.end()
})
