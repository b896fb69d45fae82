/**
 * gogepo completion <shell>: prints a small shell script that asks the hidden verb `complete` for matching words, so
 * that the shell always offers exactly what this version accepts.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Argument, Command, type Option } from 'commander'
import { tableOf, type Algorithm } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import { openNative } from '../native/open.js'
import { examples } from './help.js'
import { ValuedOption } from './options.js'

// Each script offers the words, or files if there are no words. No space follows a word that ends in = or /, since it
// is incomplete. bash splits words at "=", so the part before it must not be offered again.
const scripts = {
  bash: `_gogepo() {
  local word; COMPREPLY=()
  while IFS= read -r word; do
    [[ \${COMP_WORDS[COMP_CWORD]} == = || \${COMP_WORDS[COMP_CWORD-1]} == = ]] && word=\${word#*=}
    COMPREPLY+=("$word")
  done < <(gogepo complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace
}
complete -o default -F _gogepo gogepo
`,
  zsh: `#compdef gogepo
_gogepo() {
  local -a found whole begun
  found=("\${(@f)$(gogepo complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  whole=(\${found:#*[=/]}) begun=(\${(M)found:#*[=/]})
  (( $#whole )) && compadd -- $whole
  (( $#begun )) && compadd -S '' -- $begun
  (( $#whole + $#begun )) || _files
}
(( $+functions[compdef] )) || { autoload -U compinit && compinit }
compdef _gogepo gogepo
`,
  fish: `complete -c gogepo -a '(gogepo complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
} as const

export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a script that makes the shell complete verbs, options, tasks, settings and runs.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      examples(
        'echo \'eval "$(gogepo completion bash)"\' >> ~/.bashrc',
        'gogepo completion zsh > ~/.zfunc/_gogepo',
        'gogepo completion fish > ~/.config/fish/completions/gogepo.fish',
      ),
    )
    .action((shell: keyof typeof scripts) => void process.stdout.write(scripts[shell]))
}

/**
 * The verb that the scripts call with the words after `gogepo`, the last one incomplete. It prints one word per line.
 */
export function completeCommand(program: Command): Command {
  return new Command('complete').argument('[words...]').action(
    (words: string[]) =>
      void process.stdout.write(
        completions(program, words)
          .map((word) => `${word}\n`)
          .join(''),
      ),
  )
}

/** The words that could replace the last one typed, which is incomplete and may be empty. */
export function completions(program: Command, typed: readonly string[]): string[] {
  const words = joined(typed)
  const word = words.at(-1) ?? ''
  let before = words.slice(0, -1)
  let verb = program.commands.find((c) => c.name() === before[0])
  const part = verb?.commands.find((c) => c.name() === before[1])
  if (part !== undefined) [verb, before] = [part, before.slice(1)] // as in `study status`
  const fitting = (found: readonly string[]): string[] =>
    found.filter((candidate) => candidate.startsWith(word) && candidate !== word)
  // The verb itself.
  if (verb === undefined) return before.length > 0 ? [] : fitting([...verbsOf(program), '--help', '--version'])

  // The value of an option, an option, or an argument of the verb.
  const options = verb.createHelp().visibleOptions(verb)
  const named = (name: string | undefined): Option | undefined =>
    options.find((o) => name !== undefined && (o.long === name || o.short === name))
  const option = named(before.at(-1))
  if (option?.required) return fitting(valuesOf(option, before, word))
  if (word.startsWith('-')) return fitting(options.map((o) => o.long!))
  const placed = before.slice(1).filter((w, i, all) => !w.startsWith('-') && !named(all[i - 1])?.required)
  const last = verb.registeredArguments.at(-1)
  const argument = verb.registeredArguments[placed.length] ?? (last?.variadic ? last : undefined)
  const parts = placed.length === 0 ? verbsOf(verb) : []
  return fitting([...parts, ...(argument ? (argument.argChoices ?? wordsFor(argument.name(), word)) : [])])
}

const verbsOf = (command: Command): string[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((c) => c.name())
    .filter((name) => name !== 'help')

/** Joins words that bash has split: it passes a=b as three words. */
function joined(typed: readonly string[]): string[] {
  const words: string[] = []
  for (const [i, word] of typed.entries()) {
    if (i > 0 && (word === '=' || typed[i - 1] === '=')) words[words.length - 1] += word
    else words.push(word)
  }
  return words
}

function valuesOf(option: Option, before: readonly string[], word: string): readonly string[] {
  if (option instanceof ValuedOption) return option.type.words
  if (option.argChoices) return option.argChoices
  if (option.long === '--set') return settingWords(before, word)
  if (option.long === '--algorithm') return algorithms.map(({ name }) => name)
  if (option.long === '--preset') return Object.keys(algorithmIn(before).presets)
  if (option.long === '--env') return taskOptionWords(before)
  return option.long === '--resume' ? foldersIn(word, 'config.json') : []
}

function settingWords(before: readonly string[], word: string): string[] {
  const table = tableOf(algorithmIn(before))
  const name = word.split('=')[0]!
  if (!word.includes('=') || !Object.hasOwn(table, name)) return Object.keys(table).map((setting) => `${setting}=`)
  return table[name]!.type.words.map((value) => `${name}=${value}`)
}

/** The algorithm that --algorithm names among these words, or the default. */
function algorithmIn(before: readonly string[]): Algorithm {
  const named = before[before.indexOf('--algorithm') + 1]
  return algorithms.find(({ name }) => before.includes('--algorithm') && name === named) ?? algorithms[0]!
}

function taskOptionWords(before: readonly string[]): string[] {
  const task = openNative()
    .envs()
    .find(({ id }) => before.includes(id))
  return task ? task.options.map(({ name }) => `${name}=`) : []
}

const wordsFor = (argument: string, word: string): string[] =>
  argument === 'task'
    ? openNative()
        .envs()
        .map(({ id }) => id)
    : argument === 'run'
      ? foldersIn(word, 'config.json')
      : argument === 'file'
        ? filesIn(word)
        : argument === 'folder'
          ? foldersIn(word, 'study.json')
          : argument === 'folders'
            ? foldersIn(word, 'config.json', 'study.json')
            : []

/** Those with one of these files (a run's or a study's) in the folder typed so far; if none is typed, those in runs/ and in the current folder. */
function foldersIn(word: string, ...files: string[]): string[] {
  const typed = word.slice(0, word.lastIndexOf('/') + 1)
  return (typed === '' ? ['runs/', ''] : [typed]).flatMap((folder) =>
    existsSync(folder || '.')
      ? readdirSync(folder || '.')
          .map((name) => folder + name)
          .filter((path) => files.some((file) => existsSync(join(path, file))))
      : [],
  )
}

/** Folders, and files that may hold a study, in the folder typed so far. */
function filesIn(word: string): string[] {
  const typed = word.slice(0, word.lastIndexOf('/') + 1)
  if (!existsSync(typed || '.')) return []
  const entries = readdirSync(typed || '.', { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) =>
    entry.isDirectory()
      ? [`${typed}${entry.name}/`]
      : /\.(json|[cm]?[jt]s)$/.test(entry.name)
        ? [`${typed}${entry.name}`]
        : [],
  )
}
