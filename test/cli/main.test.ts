// The command line as a person or a script meets it: child processes, their exit codes, standard output and standard error.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { test, type Test } from 'tap'
import { tableOf } from '../../lib/algorithms/algorithm.js'
import { algorithms } from '../../lib/algorithms/registry.js'
import { makeProgram } from '../../lib/cli/program.js'
import { loadPolicy } from '../../lib/policy/policy.js'
import { events, sets as setsOf, small } from '../small.js'

const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const sets = setsOf({ ...small, evaluateEvery: 200 })
const train = ['train', 'InvertedPendulum-v5', '--threads', '1', '--torch-threads', '1', ...sets]

interface Ran {
  status: number | null
  stdout: string
  stderr: string
}
function gogepo(cwd: string, ...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** The last line of standard output, and that nothing else was printed there. */
function json(t: Test, { status, stdout, stderr }: Ran, exit = 0): Record<string, unknown> {
  t.equal(status, exit, stderr)
  const lines = stdout.split('\n')
  t.equal(lines.length, 2, 'one line')
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

test('train, evaluate and sweep for people', async (t) => {
  const dir = t.testdir()
  const trained = gogepo(dir, ...train, '--steps', '500')
  t.match(trained, { status: 0, stderr: '' })
  const run = join('runs', 'InvertedPendulum-v5-s1-1')
  const { stdout } = trained
  t.match(stdout, /^gogepo on InvertedPendulum-v5, seed 1, 500 steps, on cpu, in runs\/InvertedPendulum-v5-s1-1\n/)
  t.match(
    stdout,
    /\n[\d,]+\/500 steps {2}\d+% {2}episode \d+ {2}commanded \S+ {2}achieved \S+ {2}best \S+ {2}criticLoss \S+ {2}generatorLoss \S+ {2}[\d,]+ steps\/s {2}\w+ left\n/,
  )
  t.match(stdout, /\nevaluation at 2\d\d steps: commanded \S+, achieved \S+ ± \S+ \(critic predicted \S+\)\n/)
  t.match(stdout, /\nrun: runs\/InvertedPendulum-v5-s1-1\n$/)
  t.notMatch(stdout, /[\r\x1b]/, 'no terminal codes in a pipe')

  t.match(gogepo(dir, 'evaluate', run, '--command', '20', '--episodes', '3'), {
    status: 0,
    stdout: /^InvertedPendulum-v5: commanded 20, achieved \S+ ± \S+ .* 3 episodes\)\n$/,
    stderr: '',
  })
  t.match(gogepo(dir, 'sweep', run, '--from', '-5', '--to', '5', '--points', '3', '--episodes', '2'), {
    status: 0,
    stdout:
      /commanded +achieved +predicted.*\n +-5 .*\n +0 .*\n +5 .*\nachieved = .*rank correlation.*\nRMS error .* of the range.*\nInvertedPendulum-v5 \w+/,
    stderr: '',
  })
})

test('a second run has a folder of its own, and the first stays as it is', async (t) => {
  const dir = t.testdir()
  const first = json(t, gogepo(dir, ...train, '--steps', '300', '--json'))
  const before = readFileSync(join(dir, String(first['run']), 'events.jsonl'), 'utf8')
  const second = json(t, gogepo(dir, ...train, '--steps', '300', '--json'))
  t.strictSame([first['run'], second['run']], ['runs/InvertedPendulum-v5-s1-1', 'runs/InvertedPendulum-v5-s1-2'])
  t.match(gogepo(dir, ...train, '--run', String(first['run'])), {
    status: 1,
    stderr: /^gogepo \[ERR_RUN\]: .*--resume/,
  })
  t.equal(readFileSync(join(dir, String(first['run']), 'events.jsonl'), 'utf8'), before)
})

test('--json: one object on the last line, all else on standard error', async (t) => {
  const dir = t.testdir()
  const ran = gogepo(dir, ...train, '--steps', '500', '--seed', '4', '--run', 'a run', '--json')
  const result = json(t, ran)
  t.match(ran.stderr, /evaluation at/)
  t.strictSame(Object.keys(result), [
    'run',
    'algorithm',
    'task',
    'seed',
    'steps',
    'episodes',
    'best',
    'lastEvaluation',
    'bestEvaluation',
    'seconds',
    'secondsBy',
  ])
  t.match(result, {
    run: 'a run',
    task: 'InvertedPendulum-v5',
    seed: 4,
    steps: Number,
    episodes: Number,
    best: Number,
    seconds: Number,
  })
  t.strictSame(Object.keys(result['lastEvaluation'] as object), [
    'steps',
    'command',
    'mean',
    'std',
    'achievedMean',
    'achievedStd',
  ])
  t.match(result['secondsBy'], { rollout: Number, draw: Number, critic: Number, generator: Number, evaluation: Number })
  t.match(
    events(join(dir, 'a run'))
      .filter(({ type }) => type === 'evaluation')
      .at(-1),
    result['lastEvaluation'] as object,
  )

  const asked = json(t, gogepo(dir, 'evaluate', 'a run', '--command', 'best', '--episodes', '2', '--json'))
  t.strictSame(Object.keys(asked).sort(), [
    'achieved',
    'achievedMean',
    'achievedStd',
    'command',
    'lengths',
    'mean',
    'predicted',
    'returns',
    'std',
    'task',
  ])
  t.equal(asked['command'], result['best'])
  const swept = json(t, gogepo(dir, 'sweep', 'a run', '--points', '3', '--episodes', '1', '--json'))
  t.strictSame(Object.keys(swept).sort(), [
    'achievableError',
    'error',
    'intercept',
    'kind',
    'largest',
    'meanError',
    'noiseFloor',
    'r2',
    'rank',
    'rows',
    'slope',
    'task',
    'verdict',
  ])
  const [lowest, , highest] = (swept['rows'] as { command: number }[]).map(({ command }) => command)
  t.equal(highest, result['best'], 'up to the best return of training')
  const returns = readFileSync(join(dir, 'a run', 'events.jsonl'), 'utf8').matchAll(/"return":([-\d.e]+)/g)
  t.equal(lowest, Math.min(...Array.from(returns, ([, x]) => Number(x))), 'from the lowest')
  t.strictSame(Object.keys((swept['rows'] as object[])[0]!), [
    'command',
    'predicted',
    'mean',
    'std',
    'achievedMean',
    'achievedStd',
  ])

  const envs = json(t, gogepo(dir, 'envs', '--json')) as unknown as Record<string, unknown>[]
  t.match(
    envs.find(({ id }) => id === 'Hopper-v5'),
    {
      observationSize: 11,
      actionSize: 3,
      actionHigh: 1,
      returnMin: -100,
      returnMax: 3000,
      maxEpisodeSteps: 1000,
      survivalBonus: 1,
    },
  )
})

test('generate writes a policy’s file', async (t) => {
  const dir = t.testdir()
  json(t, gogepo(dir, ...train, '--steps', '300', '--run', 'run', '--json'))
  t.match(gogepo(dir, 'generate', 'run', '--command', '20', '--out', 'a'), {
    status: 0,
    stdout: /^InvertedPendulum-v5: commanded 20.* 4-16-1 in a\n$/,
    stderr: '',
  })
  const reported = json(
    t,
    gogepo(
      dir,
      'generate',
      'run',
      '--command',
      'best',
      '--noise',
      '--seed',
      '2',
      '--checkpoint',
      'best',
      '--out',
      'b',
      '--json',
    ),
  )
  t.strictSame(Object.keys(reported), [
    'out',
    'task',
    'taskOptions',
    'command',
    'predicted',
    'noise',
    'removeSurvivalBonus',
    'run',
    'gogepo',
    'observationSize',
    'actionSize',
    'discrete',
  ])
  t.match(reported, { noise: 0.1, run: 'run', observationSize: 4, actionSize: 1, discrete: false })
  t.match(loadPolicy(join(dir, 'b')).origin, { command: reported['command'], predicted: reported['predicted'] })
  t.match(gogepo(dir, 'generate', 'run', '--command', '20', '--out', 'no/such/a'), {
    status: 1,
    stderr: /^gogepo \[ERR_FILE\]: no\/such\/a cannot be written: .*no\/such\.\n$/,
  })
  t.match(gogepo(dir, 'generate', 'run', '--command', '20'), {
    status: 2,
    stderr: /--out <file>/,
  })
  t.match(gogepo(dir, 'generate', 'none', '--command', '20', '--out', 'a'), {
    status: 1,
    stderr: /none does not exist/,
  })
})

test('--json-lines: every event as it happens, then the result', async (t) => {
  const dir = t.testdir()
  const { status, stdout, stderr } = gogepo(dir, ...train, '--steps', '500', '--run', 'run', '--json-lines')
  t.equal(status, 0, stderr)
  t.match(stderr, /evaluation at/)
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const [start, ...rest] = lines
  t.match(start, { type: 'start', run: 'run', algorithm: 'gogepo', budget: 500 })
  t.match(rest.at(-2), { type: 'end', run: 'run' })
  t.match(rest.at(-1), { run: 'run', steps: Number, lastEvaluation: { mean: Number } })
  t.strictSame(
    rest.slice(0, -2).map((event) => ({ ...event, run: undefined, seconds: undefined })),
    events(join(dir, 'run')).map((event) => ({ ...event, run: undefined })),
    'those of events.jsonl',
  )
  t.match(gogepo(dir, ...train, '--json-lines', '--seeds', '1,2'), { status: 2, stderr: /--json-lines.*--seeds/ })
})

test('settings of a run on --resume: its schedule may change, its method may not', async (t) => {
  const dir = t.testdir()
  json(t, gogepo(dir, ...train, '--steps', '300', '--run', 'run', '--json'))
  const resume = ['train', '--resume', 'run', '--steps', '500']
  t.match(gogepo(dir, ...resume, '--set', 'noise=0.2'), {
    status: 2,
    stdout: '',
    stderr: /^gogepo: .*noise.*\brun\b.*\n$/,
  })
  t.match(gogepo(dir, ...resume, '--set', 'stepSize=1'), { status: 2, stderr: /"stepSize"/ })
  t.match(gogepo(dir, ...resume, '--preset', 'paper'), { status: 2, stderr: /--preset.*--resume/ })
  t.match(gogepo(dir, ...resume, '--algorithm', 'ars'), { status: 2, stderr: /--algorithm.*--resume/ })
  t.match(gogepo(dir, ...resume, '--set', 'evaluateEvery=50'), { status: 0, stderr: '' })
  const late = events(join(dir, 'run')).filter(({ type, steps }) => type === 'evaluation' && Number(steps) > 320)
  t.ok(late.length >= 3, `${late.length} evaluations`)
})

test('algorithms: all of them, or one in full', async (t) => {
  const dir = t.testdir()
  const { stdout } = gogepo(dir, 'algorithms')
  for (const { name, paper } of algorithms)
    t.match(stdout.replace(/\s+/g, ' '), new RegExp(`${name} .*${paper.slice(0, 20)}`))
  for (const algorithm of algorithms) {
    const full = gogepo(dir, 'algorithms', algorithm.name)
    t.match(full, { status: 0, stderr: '' })
    for (const name of [
      ...Object.keys(tableOf(algorithm)),
      ...Object.keys(algorithm.presets),
      ...Object.keys(algorithm.metrics),
    ])
      t.match(full.stdout, new RegExp(`^ +${name} `, 'm'))
    const reported = json(t, gogepo(dir, 'algorithms', algorithm.name, '--json'))
    t.match(reported, { name: algorithm.name, takesCommands: algorithm.takesCommands, metrics: algorithm.metrics })
    t.strictSame(
      (reported['settings'] as { name: string }[]).map(({ name }) => name),
      Object.keys(tableOf(algorithm)),
    )
  }
  const all = json(t, gogepo(dir, 'algorithms', '--json')) as unknown as { name: string }[]
  t.strictSame(
    all.map(({ name }) => name),
    algorithms.map(({ name }) => name),
  )
  t.match(gogepo(dir, 'algorithms', 'gogpo'), { status: 2, stderr: /"gogpo".*"gogepo"/ })
})

test('--stop-at ends at the first evaluation that reaches it', async (t) => {
  const dir = t.testdir()
  const { steps, lastEvaluation } = json(t, gogepo(dir, ...train, '--stop-at', '-1', '--json'))
  t.equal((lastEvaluation as { steps: number }).steps, steps)
  t.ok((steps as number) < 400)
  const again = json(t, gogepo(dir, 'train', '--resume', 'runs/InvertedPendulum-v5-s1-1', '--json'))
  t.match(again, { steps, alreadyFinished: true })
})

test('what is wrong from the arguments alone: 2, in words', async (t) => {
  const dir = t.testdir()
  const refused: [words: RegExp, ...args: string[]][] = [
    [/"InvertedPendulm-v5".*"InvertedPendulum-v5".*gogepo envs/, 'train', 'InvertedPendulm-v5'],
    [/task/, 'train'],
    [/"nois".*"noise"/, 'train', 'Swimmer-v5', '--set', 'nois=1'],
    [/--set.*name=value.*"noise"/, 'train', 'Swimmer-v5', '--set', 'noise'],
    [
      /Setting strategy: expected best\+drive.*got "Best"\. Did you mean "best"/,
      'train',
      'Swimmer-v5',
      '--strategy',
      'Best',
    ],
    [/--strategy: ars .*no commands/, 'train', 'Swimmer-v5', '--algorithm', 'ars', '--strategy', 'best'],
    [/--strategy: udrl chooses its commands/, 'train', 'Swimmer-v5', '--algorithm', 'udrl', '--strategy', 'best'],
    [/"papr".*"paper"/, 'train', 'Swimmer-v5', '--preset', 'papr'],
    [/noise: .*"loud"/, 'train', 'Swimmer-v5', '--set', 'noise=loud'],
    [/policyHidden: .*sliceSize \(16\), got 100/, 'train', 'Swimmer-v5', '--set', 'policyHidden=100'],
    [/--steps.*whole number.*\b1/, 'train', 'Swimmer-v5', '--steps', '-5'],
    [/--steps.*whole number.*\b1/, 'train', 'Swimmer-v5', '--steps', '1.5'],
    [/--seed.*whole number.*\b0/, 'train', 'Swimmer-v5', '--seed', 'x'],
    [/--stop-at.*number/, 'train', 'Swimmer-v5', '--stop-at', 'high'],
    [/--device.*auto, cpu, cuda/, 'train', 'Swimmer-v5', '--device', 'gpu'],
    [/--seed .*--resume/, 'train', '--resume', 'x', '--seed', '1'],
    [/--command.*number/, 'evaluate', 'x', '--command', 'most'],
    [/--episodes.*whole number from 1/, 'evaluate', 'x', '--episodes', '0'],
    [/'--epsiodes'\n?.*--episodes/, 'evaluate', 'x', '--epsiodes', '3'],
    [/'trian'\n?.*train/, 'trian'],
    [/'run'/, 'sweep'],
  ]
  for (const [words, ...args] of refused) {
    const { status, stdout, stderr } = gogepo(dir, ...args)
    t.strictSame({ status, stdout }, { status: 2, stdout: '' }, args.join(' '))
    t.match(stderr, words)
    t.notMatch(stderr, /\n +at /, 'no stack trace')
    t.match(stderr, /^gogepo: .*\n(.*\n)?$/, 'and nothing but the words')
  }
  t.notOk(existsSync(join(dir, 'runs')), 'and no folder was made')
  t.match(json(t, gogepo(dir, 'train', 'Swimmer-v5', '--set', 'nois=1', '--json'), 2), {
    error: { code: 'ERR_SETTING', message: /nois/ },
  })
})

test('what is wrong in a folder or a file: 1, in words', async (t) => {
  const dir = t.testdir({ empty: {}, broken: { 'config.json': '{' } })
  json(t, gogepo(dir, ...train, '--steps', '300', '--run', 'shaped', '--json'))
  const config = join(dir, 'shaped', 'config.json')
  writeFileSync(config, readFileSync(config, 'utf8').replace('"sliceSize": 8', '"sliceSize": 16'))
  const refused: [words: RegExp, ...args: string[]][] = [
    [/none does not exist/, 'evaluate', 'none'],
    [/empty .*config\.json/, 'evaluate', 'empty'],
    [/broken.config\.json is broken/, 'train', '--resume', 'broken'],
    [/shaped\/config\.json .*\d+ steps.*sliceSize was 8, is 16/, 'evaluate', 'shaped'],
    [/no checkpoint at 5 steps/, 'sweep', 'shaped', '--checkpoint', '5'],
    [/none does not exist/, 'runs', 'none'],
  ]
  for (const [words, ...args] of refused) {
    const { status, stdout, stderr } = gogepo(dir, ...args)
    t.strictSame({ status, stdout }, { status: 1, stdout: '' }, args.join(' '))
    t.match(stderr, words)
    t.match(stderr, /^gogepo \[ERR_\w+\]: .*\n$/, 'one line, no stack trace')
  }
})

test('help and version are no faults', async (t) => {
  const dir = t.testdir()
  t.match(gogepo(dir, '--version'), {
    status: 0,
    stdout: /^\d+\.\d+\.\d+ \(LibTorch \d\S+, MuJoCo \d\S+, Node \d\S+\)\n$/,
    stderr: '',
  })
  t.match(gogepo(dir, '--help'), { status: 0, stdout: /Exit codes: 0 /, stderr: '' })
  const help = gogepo(dir, 'train', '--help')
  t.match(help, {
    status: 0,
    stdout: /What to train:\n(.*\n)*Where to compute:\n(.*\n)*Output:\n(.*\n)*Settings of gogepo, for --set/,
    stderr: '',
  })
  t.match(help.stdout.replace(/\s+/g, ' '), /recencyExponent .*default: 1\.1\) balancedShare/)
  t.match(
    gogepo(dir, 'sweep', '-h').stdout.replace(/\s+/g, ' '),
    /--points <n> .*\(a whole number from 2 to 10000; default: 21\)/,
  )
})

test('help of every verb has an example that the verb takes, and lines that fit', async (t) => {
  const program = makeProgram()
  t.teardown(() => delete process.env['COLUMNS'])
  for (const verb of program
    .createHelp()
    .visibleCommands(program)
    .filter((c) => c.name() !== 'help')) {
    for (const columns of ['60', '200']) {
      process.env['COLUMNS'] = columns
      let all = ''
      verb.configureOutput({ writeOut: (text) => (all += text) }).outputHelp()
      const [text, examples] = all.split(/\nExamples?:\n/)
      t.ok(examples, `${verb.name()} has examples`)
      t.strictSame(
        text!.split('\n').filter((line) => line.length > Number(columns)),
        [],
        `${verb.name()} at ${columns}`,
      )
    }
  }
})

test('colors and a live line on a terminal, and where they were asked for', async (t) => {
  const dir = t.testdir()
  const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_COLOR$/.test(name)))
  /** What a terminal of so many columns is reported; script makes one. */
  const terminal = (columns: number, args: string, env: NodeJS.ProcessEnv = {}): string =>
    spawnSync('script', ['-qec', `stty cols ${columns}; exec '${process.execPath}' '${cli}' ${args}`, '/dev/null'], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...plain, TERM: 'xterm', ...env },
    }).stdout
  t.match(terminal(200, 'envs'), /\x1b\[2m +task/)
  t.notMatch(terminal(200, 'envs', { NO_COLOR: '1' }), '\x1b[')
  t.match(
    spawnSync(process.execPath, [cli, 'envs'], { encoding: 'utf8', env: { ...plain, FORCE_COLOR: '1' } }).stdout,
    '\x1b[2m',
  )

  for (const columns of [60, 200]) {
    const shown = stripVTControlCharacters(terminal(columns, 'envs')).split(/\r?\n/)
    t.ok(
      shown.every((line) => line.length <= columns),
      `the tasks fit into ${columns} columns`,
    )
  }
  const narrow = terminal(60, `${train.join(' ')} --steps 600`)
  const live = narrow
    .split('\r\x1b[2K')
    .slice(1)
    .map((line) => line.split(/[\r\n]/)[0]!)
    .filter((line) => line.includes('/600 steps'))
  t.ok(live.length > 0 && live.every((line) => line.length < 60 && /left$/.test(line)), narrow)
})

test('--quiet says only the result, --verbose how long the parts took', async (t) => {
  const dir = t.testdir()
  const quiet = gogepo(dir, ...train, '--steps', '500', '--quiet')
  t.match(quiet, { status: 0, stderr: '', stdout: /^\d+ steps, \d+ episodes, best .*\nseconds: .*\nrun: .*\n$/ })
  const verbose = gogepo(dir, ...train, '--steps', '500', '--verbose')
  t.match(verbose.stdout, /\n {2}ms per episode: rollout \S+, generate \S+, draw \S+, critic \S+, generator \S+/)
  t.match(gogepo(dir, ...train, '--quiet', '--verbose'), {
    status: 2,
    stderr: /--quiet.*--verbose/,
  })
  t.match(
    gogepo(dir, 'evaluate', 'runs/InvertedPendulum-v5-s1-1', '--episodes', '2', '--verbose').stdout,
    /episode +full reward +achieved +steps\n +1 .*\n +2 .*\nInvertedPendulum-v5: commanded/,
  )
})

test('Ctrl-C finishes the episode, saves, and says how to resume', async (t) => {
  const dir = t.testdir()
  const child = spawn(process.execPath, [cli, ...train, '--steps', '1000000', '--run', 'run', '--json'], { cwd: dir })
  const said = { stdout: '', stderr: '' }
  const ended = new Promise<number | null>((settle) => child.on('close', settle))
  child.stderr.on('data', (text: Buffer) => {
    said.stderr += String(text)
    if (!child.killed && said.stderr.includes('evaluation at')) child.kill('SIGINT') // a second one stops at once
  })
  child.stdout.on('data', (text: Buffer) => (said.stdout += String(text)))
  t.equal(await ended, 130)
  t.match(said.stderr, /saving/)
  const { steps } = JSON.parse(said.stdout) as { steps: number }
  const before = events(join(dir, 'run'))
  t.equal(before.filter(({ type }) => type === 'iteration').at(-1)!['steps'], steps)

  const resumed = gogepo(dir, 'train', '--resume', 'run', '--steps', String(steps + 100))
  t.match(resumed, { status: 0, stderr: '' })
  t.match(resumed.stdout, /gogepo on InvertedPendulum-v5, seed 1, from [\d,]+ to [\d,]+ steps/)
  const after = events(join(dir, 'run'))
  t.strictSame(after.slice(0, before.length), before)
  t.ok(after.length > before.length)
})
