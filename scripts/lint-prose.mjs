// Checks the wording of comments, strings and documentation; cspell checks the spelling and single words.
//   node scripts/lint-prose.mjs [folder or file]…    default: all of them
import { readFileSync } from 'node:fs'
import { extname, relative, resolve } from 'node:path'
import { root, sourceFiles } from './files.mjs'

/** Each rule: what must not be written, what to write instead, and why. */
const rules = [
  [
    /(?<!\b(standard|squared|absolute)\s+)\bdeviations?\b(?!\s+from\b)/i,
    'standard deviation',
    'a bare deviation is the distance of one sample from the mean',
  ],
  [/\b(go(es|ing)?|went) on\b/i, 'continue(s), resume(s), proceed(s)', 'a literal translation'],
  [
    /\b(lies|lay) (in|on|at|there|beside|below|within|between|where|aside)\b|\bwhat lies\b/i,
    'is',
    'things do not lie in files or memory',
  ],
  [/\bstands? (in|at|there|beside)\b/i, 'is', 'things do not stand in files'],
  [/\bof (one|a user|users?)['’]s own\b/i, 'user-defined, or your own', 'say whose'],
  [/\btells\b/i, 'reports, shows, says', 'programs do not tell'],
  [/\b(a|each) step costs\b/i, '… per step', 'costs are per step'],
  [/\bnumbers in\b/i, 'elements, values or parameters in', 'the standard term'],
  [/(?<![\w-])processors?\b/i, 'CPU', 'the standard term'],
  [/\b(products? of matrices|matrix products?)\b/i, 'matrix multiplication', 'the standard term'],
  [/\brecord(s|ed|ing)? (as|a|the|an|one)( CUDA)? (graphs?|updates?)\b/i, 'captured', 'CUDA graphs are captured'],
  [/\bdrawn (with|from|by)\b|\bdraw(s|ing)? a batch\b/i, 'sampled', 'the standard term'],
  [/\bin turns\b/i, 'alternating', 'the standard term'],
  [/\bto the last bit\b/i, 'bit for bit', 'the standard term'],
  [/\bsome ((milli|micro)?seconds|minutes|hours)\b/i, 'a few', 'idiom'],
  [
    /\b(steps?|updates?|episodes?|bytes|MB|values|lines?|objects?) an? (second|minute|step|episode|iteration|line)\b/i,
    '… per …',
    'rates are per unit',
  ],
  [/\bthe house\b|\bhouse['’]s\b/i, 'the project, or the architecture', 'a private metaphor'],
  [/\bgoes before (it|them)\b/i, 'overrides it', 'the standard term'],
  [/^(\/\*\*|\/\/)\s*Of (?!course)/, 'a phrase with a noun', '“Of X” is not a description'],
  [
    /\b(normal|initial|optimi|serial|parallel|organi|summari|minimi|maximi|util|vector)is(e|es|ed|ing|ation)\b/i,
    '-ize',
    'American spelling',
  ],
]

// Comments and strings of a program, without the code around them. A quotation mark in a regular expression may hide one line.
const string = `'(?:\\\\.|[^'\\\\\\n])*'|"(?:\\\\.|[^"\\\\\\n])*"`
const cLike = new RegExp(
  `(?://[^\\n]*(?:\\n[ \\t]*(?=//))?)+|/\\*[\\s\\S]*?\\*/|${string}|\`(?:\\\\.|[^\`\\\\])*\``,
  'g',
)
const hashLike = new RegExp(`(?:#[^\\n]*(?:\\n[ \\t]*(?=#))?)+|"""[\\s\\S]*?"""|${string}`, 'g')
const proseOf = { '.md': /[\s\S]+/g, '.py': hashLike, '.sh': hashLike, '.txt': hashLike, '.cmake': hashLike }
for (const extension of ['.ts', '.mts', '.js', '.mjs', '.cc', '.h']) proseOf[extension] = cLike

// A space in a rule also matches the line breaks inside of a paragraph or comment.
const patterns = rules.map(([pattern]) => new RegExp(pattern.source.replaceAll(' ', ' +'), `${pattern.flags}g`))
const unbroken = (prose) =>
  prose.replace(/(?<!\n)\n(?!\n)[ \t]*(?:\*(?!\/)|\/\/|#|>)?/g, (lineBreak) => ' '.repeat(lineBreak.length))

function* findings(path) {
  const text = readFileSync(path, 'utf8')
  for (const piece of text.matchAll(proseOf[extname(path)]))
    for (const [i, [, instead, why]] of rules.entries())
      for (const found of unbroken(piece[0]).matchAll(patterns[i])) {
        const line = text.slice(0, piece.index + found.index).split('\n').length
        yield { line, message: `“${found[0].trim()}”: write ${instead} (${why})` }
      }
}

const wanted = process.argv.slice(2).map((path) => relative(root, resolve(path)))
process.chdir(root)
const files = sourceFiles(...Object.keys(proseOf)).filter(
  (path) =>
    path !== 'scripts/lint-prose.mjs' && // names what must not be written
    (wanted.length === 0 || wanted.some((name) => path === name || path.startsWith(`${name}/`))),
)
let count = 0
for (const path of files)
  for (const { line, message } of [...findings(path)].sort((a, b) => a.line - b.line)) {
    console.log(`${path}:${line}: ${message}`)
    count++
  }
if (count > 0) {
  console.log(`${count} to be reworded`)
  process.exitCode = 1
}
