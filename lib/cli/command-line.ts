/** gogepo <verb>: reads the command line, and turns whatever happens into a message and an exit code. */
import { CommanderError } from 'commander'
import { GogepoError, type GogepoErrorCode } from '../base/errors.js'
import { isDiskFull, reasonOf, writeError } from '../base/files.js'
import { quoted } from '../base/words.js'
import { endChildrenOnSignals, interruptWork } from './interrupt.js'
import { makeProgram } from './program.js'

const argumentErrors = new Set<GogepoErrorCode>(['ERR_ARGUMENT', 'ERR_SETTING', 'ERR_TASK_OPTION', 'ERR_UNKNOWN_ENV'])

let outputFailed = false
for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => onOutputError(stream, error))
endChildrenOnSignals()

makeProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode = report(error)
  })

/** The reader closed the pipe (for example `| head`): save and stop, as on Ctrl-C. Any other failure to write is an error. */
function onOutputError(stream: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (outputFailed) return
  outputFailed = true
  const closed = error.code === 'EPIPE'
  if (!closed) {
    if (stream === process.stdout) process.stderr.write(`gogepo: standard output cannot be written: ${error.message}\n`)
    process.on('exit', () => (process.exitCode = 1))
  }
  if (!interruptWork()) process.exit(closed ? (process.exitCode ?? 0) : 1) // a failure stays one, even if nobody reads it
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode === 0 ? 0 : 2 // --help, --version
    return say('ERR_ARGUMENT', error.message.replace(/^error: /, ''), 2)
  }
  if (error instanceof GogepoError) {
    if (outputFailed && error.code === 'ERR_INTERRUPTED') return 130 // what failed has been said, or nobody reads any more
    const where = error.code === 'ERR_ENVIRONMENT' ? ownFrames(error.cause) : ''
    const exit = error.code === 'ERR_INTERRUPTED' ? 130 : argumentErrors.has(error.code) ? 2 : 1
    return say(error.code, error.message, exit, where)
  }
  const node = error as NodeJS.ErrnoException
  if (isDiskFull(node)) return say('ERR_DISK_FULL', writeError(node, node.path ?? 'a file').message, 1)
  if (node.code && node.syscall) {
    const reason = reasonOf(node)
    return say('ERR_FILE', reason === node.message || !node.path ? reason : `${quoted(node.path)}: ${reason}`, 1)
  }
  process.stderr.write(`gogepo: this is a bug in gogepo; please report it.\n${node.stack ?? String(error)}\n`)
  return 1
}

function say(code: string, message: string, exit: number, where = ''): number {
  // The code says where in docs/errors.md to read on; a wrong argument needs no such place.
  process.stderr.write(`gogepo${exit === 1 ? ` [${code}]` : ''}: ${message}\n${where}`)
  if (process.argv.some((argument) => argument === '--json' || argument === '--json-lines'))
    process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
  return exit
}

/** Where in their own code a user's task threw. */
function ownFrames(cause: unknown): string {
  const ours = new URL('..', import.meta.url)
  const frames =
    cause instanceof Error ? (cause.stack ?? '').split('\n').filter((line) => /^ +at (?!.*\(?node:)/.test(line)) : []
  const first = frames.findIndex((line) => line.includes(ours.href) || line.includes(ours.pathname))
  return frames
    .slice(0, first < 0 ? undefined : first)
    .map((line) => `${line}\n`)
    .join('')
}
