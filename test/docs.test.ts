// What the documentation says to type is what the project takes: its commands are parsed by the real command line (those that
// cost nothing are run), its files and scripts exist, its programs compile, its links lead somewhere.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import type { Command } from 'commander'
import ts from 'typescript'
import { tableOf } from '../lib/algorithms/algorithm.js'
import { algorithms, findAlgorithm, findPreset } from '../lib/algorithms/registry.js'
import { makeProgram } from '../lib/cli/program.js'
import { checkEnv } from '../lib/env/check-env.js'
import { loadFactory } from '../lib/env/typescript-task.js'
import { openNative } from '../lib/native/open.js'
import { parseSettings } from '../lib/settings/setting.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = ['.', 'docs', 'bench', 'examples'].flatMap((folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(folder, name))
    : [],
)
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts,
)
const tasks = openNative()
  .envs()
  .map(({ id }) => id)

interface Block {
  language: string
  text: string
}

/** Blocks between fences, and indented ones, which are commands here. */
function blocksOf(markdown: string): Block[] {
  const fenced = [...markdown.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(([, language, text]) => ({
    language: language!.trim(),
    text: text!,
  }))
  const rest = markdown.replace(/^```.*?^```$/gms, '')
  const indented = [...rest.matchAll(/(?<=\n\n)(?: {4}.*\n)+/g)].map(([text]) => ({
    language: 'sh',
    text: text.replace(/^ {4}/gm, ''),
  }))
  return [...fenced, ...indented]
}

/** Commands within a sentence: `npm run x`. */
const inlineCommands = (markdown: string): string[] =>
  [...markdown.replace(/^```.*?^```$/gms, '').matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code!)
    .filter((code) => /^(npx |npm (run|test|start)|gogepo |node [\w./]+\.mjs)/.test(code))

/** One line for each command, without comments and with something in the place of <placeholders>. */
function commandsOf(shell: string): string[] {
  const filled = shell
    .replace(/\\\n/g, ' ')
    .replace(/\n +\[/g, ' [') // a synopsis that continues on the next line
    .replace(/\[[^\]\n]*\]…?/g, '')
    .replace(/(?<= |^)#.*$/gm, '')
    .replace(/<(more|n|steps|r|return)>/g, '1000')
    .replace(/<task>/g, tasks[0]!)
    .replace(/figure <name>/g, 'figure curves')
    .replace(/<shell>/g, 'bash')
    .replace(/<verb> --help/g, 'train --help')
    .replace(/<[^<>\n]+>/g, 'placeholder')
    .replaceAll('…', '')
  return filled
    .split('\n')
    .flatMap((line) => line.split(/ && | \| /))
    .map((line) => line.trim())
    .filter(Boolean)
}

const wordsOf = (command: string): string[] =>
  [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'))

/** Programs that are not ours, of which only the syntax is looked at. */
const foreign = new Set([
  'apt',
  'cd',
  'cp',
  'ctest',
  'docker',
  'echo',
  'esbuild',
  'eval',
  'export',
  'git',
  'kubectl',
  'ninja',
  'npm',
  'pip',
  'sbatch',
  'source',
  'build/bench/native/update_bench',
])

function faultsOfCommand(command: string, page: string): string[] {
  const words = wordsOf(command.replace(/^(\w+=\S* +)+/, '').replace(/ (>>?|2>) ?\S+/g, ''))
  if (words[0] === 'npx') words.shift()
  const [program = '', ...args] = words
  const missing = (path: string | undefined): string[] =>
    path !== undefined && [root, join(root, dirname(page))].some((from) => existsSync(join(from, path)))
      ? []
      : [`there is no ${path}`]
  switch (program) {
    case 'gogepo':
      return faultsOfGogepo(args)
    case 'tap':
      return args.filter((arg) => arg.endsWith('.ts')).flatMap(missing)
    case 'node':
    case 'python':
    case 'python3':
      return args[0] === '-m' ? [] : missing(args.find((arg) => !arg.startsWith('-')))
    case 'npm': {
      const script =
        args[0] === 'run'
          ? args.slice(1).find((arg) => !arg.startsWith('-'))
          : args[0] === 'start' || args[0] === 'test'
            ? args[0]
            : undefined
      return script === undefined || scripts.includes(script) ? [] : [`package.json has no script ${script}`]
    }
    default:
      return foreign.has(program) ? [] : [`${program} is not a program that this test knows`]
  }
}

/** As the real command line parses it; nothing is done. */
function faultsOfGogepo(args: string[]): string[] {
  if (args.length === 1 && makeProgram().commands.some((verb) => verb.name() === args[0])) return [] // a verb is named
  const faults: string[] = []
  const program = makeProgram()
  const verbsOf = (command: Command): Command[] => [command, ...command.commands.flatMap(verbsOf)]
  for (const verb of verbsOf(program)) {
    verb.configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} })
    if (verb !== program)
      verb.action(() => {
        const task = ['train', 'envs'].includes(verb.name()) ? verb.args[0] : undefined
        if (task !== undefined && /-v\d+$/.test(task) && !task.includes(':') && !tasks.includes(task))
          faults.push(`there is no task ${task}`)
        const { algorithm, preset, set = [], resume } = verb.opts<Record<string, string> & { set?: string[] }>()
        if (verb.name() !== 'train' || resume !== undefined) return
        const found = findAlgorithm(algorithm ?? algorithms[0]!.name)
        findPreset(found, preset)
        parseSettings(tableOf(found), set)
      })
  }
  try {
    program.parse(args, { from: 'user' })
  } catch (error) {
    if ((error as { exitCode?: number }).exitCode !== 0) faults.push((error as Error).message)
  }
  return faults
}

function faultsOfShell(text: string, page: string): string[] {
  const commands = commandsOf(text)
  const { status, stderr } = spawnSync('bash', ['-n'], { input: commands.join('\n'), encoding: 'utf8' })
  return [
    ...(status === 0 ? [] : [stderr.trim()]),
    ...commands.flatMap((command) => faultsOfCommand(command, page).map((fault) => `${command}: ${fault}`)),
  ]
}

/** Compiled against lib/, all at once. `ts sketch` marks what is no whole program. */
function faultsOfPrograms(programs: readonly { name: string; text: string }[]): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object }
  }
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      noEmit: true,
      rootDir: '.',
      noUnusedLocals: false,
      noUnusedParameters: false,
      paths: { gogepo: ['./lib/index.ts'] },
    },
    root,
  )
  const host = ts.createCompilerHost(options)
  const files = new Map(programs.map(({ name, text }) => [join(root, `${name}.mts`), `${text}\nexport {}\n`]))
  const { readFile, fileExists } = host
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.fileExists = (path) => files.has(path) || fileExists(path)
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      (d) => `${relative(root, path)}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`,
    )
  })
}

function faultsOfLinks(markdown: string, page: string): string[] {
  const links = [...markdown.replace(/^```.*?^```$/gms, '').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link!)
  return links
    .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(page), link)))
    .map((link) => `the link ${link} leads nowhere`)
}

function faultsOf(markdown: string, page: string): string[] {
  const shell = blocksOf(markdown).filter(({ language }) => ['sh', 'bash'].includes(language))
  return [
    ...shell.flatMap(({ text }) => faultsOfShell(text, page)),
    // A sentence may name a verb without its arguments.
    ...inlineCommands(markdown)
      .flatMap((command) => faultsOfShell(command, page))
      .filter((fault) => !fault.includes('missing required argument')),
    ...faultsOfLinks(markdown, page),
  ]
}

test('commands and links of each page', async (t) => {
  t.ok(pages.includes('README.md') && pages.includes(join('docs', 'settings.md')))
  for (const page of pages) t.strictSame(faultsOf(readFileSync(join(root, page), 'utf8'), page), [], page)
})

test('programs of each page', async (t) => {
  const programs = pages.flatMap((page) =>
    blocksOf(readFileSync(join(root, page), 'utf8'))
      .filter(({ language }) => ['ts', 'js'].includes(language))
      .map(({ text }, i) => ({ name: `${page.replace(/\W/g, '-')}-${i}`, text })),
  )
  t.ok(programs.length > 0)
  t.strictSame(faultsOfPrograms(programs), [])
})

test('the task that is shown is sound', async (t) => {
  const [shown] = blocksOf(readFileSync(join(root, 'docs', 'environments.md'), 'utf8')).filter(({ text }) =>
    text.includes('export default class'),
  )
  const file = join(t.testdir({ 'oven.ts': shown!.text }), 'oven.ts')
  t.strictSame(await checkEnv(await loadFactory(file)), [])
})

test('the program in README runs', (t) => {
  const [program] = blocksOf(readFileSync(join(root, 'README.md'), 'utf8')).filter(({ language }) => language === 'js')
  const folder = t.testdir({ 'readme.mjs': program!.text, node_modules: { gogepo: t.fixture('symlink', root) } })
  const { status, stdout, stderr } = spawnSync(process.execPath, ['readme.mjs'], { cwd: folder, encoding: 'utf8' })
  t.match({ status, stdout, stderr }, { status: 0, stdout: /^\d+ \d+/, stderr: '' })
  t.end()
})

test('the command strategy that is shown chooses every command of a run, the first one too', (t) => {
  const shown = blocksOf(readFileSync(join(root, 'docs', 'commands.md'), 'utf8')).find(({ text }) =>
    text.includes('CommandStrategy'),
  )
  const short = shown!.text.replace(
    "task: 'CartPole-v1'",
    "task: 'CartPole-v1', steps: 60, settings: { correctionEpisodes: 0 }",
  )
  t.not(short, shown!.text)
  const program = ts.transpile(short, { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 })
  const folder = t.testdir({ 'strategy.mjs': program, node_modules: { gogepo: t.fixture('symlink', root) } })
  const { status, stderr } = spawnSync(process.execPath, ['strategy.mjs'], { cwd: folder, encoding: 'utf8' })
  t.match({ status, stderr }, { status: 0, stderr: '' })
  t.end()
})

test('what costs nothing is run', async (t) => {
  const reported = pages.flatMap((page) => {
    const markdown = readFileSync(join(root, page), 'utf8')
    return [
      ...blocksOf(markdown)
        .filter(({ language }) => ['sh', 'bash'].includes(language))
        .flatMap(({ text }) => commandsOf(text)),
      ...inlineCommands(markdown).flatMap(commandsOf),
    ]
  })
  const cheap = new Set(
    reported
      .map((command) => command.replace(/^npx /, ''))
      .filter((command) => /^gogepo (envs( [\w-]+)?|completion \w+|.*--(help|version))$/.test(command)),
  )
  t.ok(cheap.has('gogepo envs') && cheap.has('gogepo train --help'))
  for (const command of cheap)
    t.equal(
      spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...wordsOf(command).slice(1)], { stdio: 'ignore' })
        .status,
      0,
      command,
    )
})

test('the layout in docs/architecture.md names every folder', (t) => {
  const map = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')
  for (const [home, skipped] of [
    ['lib', []],
    ['native', ['CMakeLists.txt', 'node_addon.cmake', 'node_addon.map', 'torch_minor.cmake']],
  ] as const)
    for (const entry of readdirSync(join(root, home), { withFileTypes: true }))
      if (!(skipped as readonly string[]).includes(entry.name))
        t.ok(map.includes(entry.isDirectory() ? `${entry.name}/` : entry.name), `${home}/${entry.name}`)
  t.end()
})

test('what is wrong is found', async (t) => {
  const wrong: [fault: RegExp, markdown: string][] = [
    [/unknown command 'trian'/, '```sh\nnpx gogepo trian Swimmer-v5\n```\n'],
    [/unknown option '--sed'/, 'text\n\n    gogepo train Swimmer-v5 --sed 1\n'],
    [/2 to 10000/, '```bash\ngogepo sweep runs/x --points 1\n```\n'],
    [/"nois"/, 'with `gogepo train Swimmer-v5 --set nois=1`'],
    [/"papers"/, '```sh\ngogepo train Swimmer-v5 --preset papers\n```\n'],
    [/"asr"/, '```sh\ngogepo train Swimmer-v5 --algorithm asr\n```\n'],
    [/there is no task Swimmer-v9/, '```sh\ngogepo train Swimmer-v9 # a comment\n```\n'],
    [/required option '--out/, '```sh\ngogepo generate runs/x --command 1\n```\n'],
    [/no script biuld/, '```sh\ncd x && npm run --silent biuld -- --all\n```\n'],
    [/there is no scripts\/nothing\.mjs/, 'by `node scripts/nothing.mjs out.svg`'],
    [/there is no test\/nothing/, '```sh\nnpx tap run test/nothing.test.ts\n```\n'],
    [/rm is not a program that this test knows/, '```sh\nrm x\n```\n'],
    [/unexpected/, '```sh\necho "open\n```\n'],
    [/docs\/nowhere\.md leads nowhere/, '[see](docs/nowhere.md)'],
  ]
  for (const [fault, markdown] of wrong) t.match(faultsOf(markdown, 'README.md'), [fault], markdown)
  t.strictSame(faultsOf('```sh\nnpx gogepo train Swimmer-v5 --seed 1 # a comment\nnpm test\n```\n', 'README.md'), [])
  t.match(
    faultsOfPrograms([
      { name: 'a', text: "import { nothing } from 'gogepo'" },
      { name: 'b', text: "import { train } from 'gogepo'\ntrain({ task: 1 })" },
    ]),
    [/nothing/, /not assignable/],
  )
})
