// What checkEnv finds in tasks of users' own.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { checkEnv, checkTask, type FindingKind } from '../../lib/env/check-env.js'
import type { Environment, EnvironmentFactory, EnvironmentStep, Observation } from '../../lib/env/environment.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const examples = join(root, 'examples', 'tasks')

class Fine implements Environment {
  readonly observationSpace: Environment['observationSpace'] = { low: [-10, 0], high: [10, 1000] }
  readonly actionSpace: Environment['actionSpace'] = { low: [-1], high: [1] }
  readonly returnRange: readonly [number, number] = [-500, 500]
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
    /observationSpace.*shape: \[n\]/,
  ],
  'bounds that do not fit': [
    class extends Fine {
      override readonly observationSpace = { low: [0, 0], high: [1] }
    },
    'properties',
    /\b1\b.*high.*\b2\b/,
  ],
  'bounds the wrong way round': [
    class extends Fine {
      override readonly actionSpace = { low: [1], high: [-1] }
    },
    'properties',
    /low\D* 1 .*high\D*-1\b/,
  ],
  'actions without bounds': [
    class extends Fine {
      override readonly actionSpace = { shape: [1] }
    },
    'properties',
    /actionSpace.*finite/,
  ],
  'a single choice': [
    class extends Fine {
      override readonly actionSpace = { n: 1 }
    },
    'properties',
    /actionSpace\.n.*\b1\b/,
  ],
  'a range of returns upside down': [
    class extends Fine {
      override readonly returnRange = [1, 0] as const
    },
    'properties',
    /returnRange.*\[1, 0\]/,
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
    /reset: .*\b1\b.*\b2\b/,
  ],
  'whole numbers only': [
    class extends Fine {
      override reset = () => new Int32Array(2) as never
    },
    'observation',
    /Int32Array.*Float32Array/,
  ],
  nested: [
    class extends Fine {
      override reset = () => [[0], [0]] as never
    },
    'observation',
    /\b0\b.* is \[0\].*flatten/,
  ],
  NaN: [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: [this.x, Math.sqrt(-this.t)] }
      }
    },
    'observation',
    /step: .*\b1\b.* is NaN/,
  ],
  'a reward that is no number': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: '1' as never }
      }
    },
    'step',
    /reward.*"1"/,
  ],
  'a reward that is NaN': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: NaN }
      }
    },
    'step',
    /reward.*NaN/,
  ],
  'the old words': [
    class extends Fine {
      override step() {
        return { observation: [0, 0], reward: 0, done: false } as never
      }
    },
    'step',
    /terminated/,
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
    /Math\.random/,
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
    /last episode/,
  ],
  'steps by chance': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: Math.random() }
      }
    },
    'step-not-reproducible',
    /step 1\b/,
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
    /terminated/,
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
    /\b10,?000 steps.*timeLimit/,
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
    /action\.slice\(\)/,
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
    /variables of the module/,
  ],
  'returns above the range': [
    class extends Fine {
      override readonly returnRange = [-1000, -900] as const
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: 1 }
      }
    },
    'return-range',
    /\[-1000, -900\].*returned 50 to 50\..*begin with \[50, 100\]/,
  ],
  'returns below the range': [
    class extends Fine {
      override readonly returnRange = [0, 10] as const
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: -1 }
      }
    },
    'return-range',
    /\[0, 10\].*returned -50 to -50/,
  ],
  'a range of returns that cannot be learned': [
    class extends Fine {
      override readonly returnRange = [-1e39, 1e39] as const
    },
    'return-range',
    /returnRange is \[-1e\+39, 1e\+39\], but single precision.*Rescale/,
  ],
  'a range of returns that is a single one': [
    class extends Fine {
      override readonly returnRange = [1e9, 1e9 + 10] as const
    },
    'return-range',
    /returnRange is \[1000000000, 1000000010\].*cannot tell these apart/,
  ],
  'returns that cannot be stored': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), reward: 1e38 }
      }
    },
    'return-range',
    /an episode returned 5\.0e\+39, .*up to ±3\.4e38\. Make the rewards smaller/,
  ],
  'a variation that single precision loses': [
    class extends Fine {
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        const step = stepOf(this, action)
        return { ...step, observation: Float32Array.of(1e8 + 3 * this.x, this.t) }
      }
      override reset(seed: number) {
        super.reset(seed)
        return Float32Array.of(1e8 + 3 * this.x, this.t)
      }
    },
    'variation-lost',
    /element 0 .*single precision.*offset/,
  ],
  'fractions that an array of single precision has no room for': [
    class extends Fine {
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: Float32Array.of(this.t, 1e7 + 0.3 * this.x) }
      }
      override reset(seed: number) {
        super.reset(seed)
        return Float32Array.of(this.t, 1e7 + 0.3 * this.x)
      }
    },
    'variation-lost',
    /element 1 .*around 1\.00000e\+7, .*single precision.*double precision/,
  ],
  'a variation that single precision removes': [
    class extends Fine {
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: Float32Array.of(1e9 + this.x, this.t) }
      }
      override reset(seed: number) {
        super.reset(seed)
        return Float32Array.of(1e9 + this.x, this.t)
      }
    },
    'variation-lost',
    /element 0 .*always 1000000000, where single precision has no fractions.*offset.*double precision.*constant/,
  ],
  'a variation that double precision removes': [
    class extends Fine {
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: [1e18 + this.x, this.t] }
      }
      override reset(seed: number) {
        super.reset(seed)
        return [1e18 + this.x, this.t]
      }
    },
    'variation-lost',
    /element 0 .*always 1000000000000000000, where double precision has no fractions.*offset in the task;/,
  ],
  'a variation that double precision loses': [
    class extends Fine {
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: [this.t, 1e16 + this.x] }
      }
      override reset(seed: number) {
        super.reset(seed)
        return [this.t, 1e16 + this.x]
      }
    },
    'variation-lost',
    /element 1 .*double precision.*offset/,
  ],
  'a variation that is normalized to nothing': [
    class extends Fine {
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: [1e-9 * this.x, this.t] }
      }
      override reset(seed: number) {
        super.reset(seed)
        return [1e-9 * this.x, this.t]
      }
    },
    'variation-lost',
    /element 0 .*1e-7 is normalized to 0.*unit/,
  ],
  'a variation around an offset that is normalized to nothing': [
    class extends Fine {
      override readonly observationSpace = { shape: [2] }
      override step(action: Float32Array) {
        return { ...stepOf(this, action), observation: [5 + 2e-9 * this.x, this.t] }
      }
      override reset(seed: number) {
        super.reset(seed)
        return [5 + 2e-9 * this.x, this.t]
      }
    },
    'variation-lost',
    /element 0 .*around 5\.0.*1e-7 is normalized to 0.*unit/,
  ],
  'a variation of returns that single precision loses': [
    class extends Fine {
      override readonly returnRange = [0, 4e9] as const
      override step(action: Float32Array) {
        const step = stepOf(this, action)
        return { ...step, reward: step.terminated ? 3e9 + 0.3 * this.x : 0 } // x ends between -10 and 10
      }
    },
    'variation-lost',
    /returns vary by 2\.\d around 3\.00000e\+9, .*single precision.*Subtract a constant from the rewards/,
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
    /Error: no database/,
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

test('a range of returns is proposed from random and constant actions', async (t) => {
  class Unranged extends Fine {
    override readonly returnRange = undefined as never
    readonly survivalBonus = 2
    override step(action: Float32Array) {
      return { ...stepOf(this, action), reward: 2 + action[0]! } // constant actions pay from -50 to 50 without the bonus
    }
  }
  const { findings, returns, proposedRange } = await checkTask(Unranged)
  t.strictSame([Math.min(...returns), Math.max(...returns)], [-48, 52], 'the last step terminates: its bonus stays')
  t.strictSame(proposedRange, [-50, 160])
  t.match(findings, [{ kind: 'no-return-range', fix: /returned -48 to 52: begin with \[-50, 160\]/ }])
})

test('actions of the check stay within bounds that single precision does not have', async (t) => {
  class Narrow extends Fine {
    override readonly actionSpace = { low: [0.1], high: [0.3] }
    override step(action: Float32Array) {
      if (!(action[0]! >= 0.1 && action[0]! <= 0.3)) throw new Error(`${action[0]}`)
      return stepOf(this, action)
    }
  }
  t.strictSame(await checkEnv(Narrow), [])
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
  /** Whole numbers around an offset: nothing was rounded, even where they use the last bit of single precision. */
  class Offset extends Fine {
    override readonly observationSpace = { shape: [3] }
    private seen() {
      return [3e6, 1e7, 1e15].map((offset) => offset + Math.sign(this.x))
    }
    override step(action: Float32Array) {
      return { ...stepOf(this, action), observation: this.seen() }
    }
    override reset(seed: number) {
      super.reset(seed)
      return this.seen()
    }
  }
  /** Constants: whole numbers that single precision could not tell from their neighbors, but double precision can. */
  class Constant extends Fine {
    override readonly observationSpace = { shape: [2] }
    override step(action: Float32Array) {
      return { ...stepOf(this, action), observation: [this.t, 123456789] }
    }
    override reset(seed: number) {
      super.reset(seed)
      return [this.t, 123456789]
    }
  }
  /** Returns around an offset: whole numbers that single precision holds. */
  class OffsetReturns extends Fine {
    override readonly returnRange = [0, 2e7] as const
    override step(action: Float32Array) {
      const step = stepOf(this, action)
      return { ...step, reward: step.terminated ? 1e7 + Math.sign(this.x) : 0 }
    }
  }
  /** Returns that differ by rounding errors. */
  class Rounded extends Fine {
    override step(action: Float32Array) {
      return { ...stepOf(this, action), reward: this.x > 0 ? 0.1 + 0.2 - 0.2 : 0.1 }
    }
  }
  const factories = [Fine, () => new Fine(), async () => new Fine()]
  const classes = [Asynchronous, Refusing, Wrapped, Offset, Constant, OffsetReturns, Rounded]
  const tasks = [...factories, new Fine(), ...classes]
  for (const task of tasks) t.strictSame(await checkEnv(task as EnvironmentFactory), [])
  for (const file of readdirSync(examples))
    t.strictSame(
      await checkEnv(((await import(join(examples, file))) as { default: EnvironmentFactory }).default),
      [],
      file,
    )
})
