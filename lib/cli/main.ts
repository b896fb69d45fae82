#!/usr/bin/env node
/** gogepo <verb>: reads the command line, and turns whatever happens into words and an exit code. */
import { Command, CommanderError } from 'commander'
import { GogepoError } from '../errors.js'
import { version } from '../run.js'
import { demoCommand } from './demo.js'
import { envsCommand } from './envs.js'
import { evaluateCommand, sweepCommand } from './evaluate.js'
import { generateCommand } from './generate.js'
import { runsCommand } from './runs.js'
import { setupCommand } from './setup.js'
import { trainCommand } from './train.js'

const wrongFromArguments = new Set(['ERR_ARGUMENT', 'ERR_SETTING', 'ERR_TASK_OPTION', 'ERR_UNKNOWN_ENV'])

const program = new Command('gogepo')
  .description('Learns one generator of neural policies: command a return, get a policy that achieves it.')
  .version(version)
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    `
Examples:
  gogepo train Swimmer-v5 --seed 1
  gogepo evaluate runs/Swimmer-v5-s1-1 --command best
  gogepo sweep runs/Swimmer-v5-s1-1

Exit codes: 0 done, 1 wrong in a file, a folder or during the run, 2 wrong from the arguments alone, 130 interrupted (saved).`,
  )
for (const make of [trainCommand, evaluateCommand, sweepCommand, generateCommand, runsCommand, envsCommand, demoCommand, setupCommand]) program.addCommand(make())
for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ outputError: () => {} }) // said below, once

// Whoever read us has heard enough: training ends as by Ctrl-C, saved; everything else just ends.
let heardEnough = false
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' || heardEnough) return
    heardEnough = true
    if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM')
    else process.exit(0)
  })

program.parseAsync().catch((error: unknown) => {
  process.exitCode = report(error)
})

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode === 0 ? 0 : 2 // --help, --version
    return say('ERR_ARGUMENT', error.message.replace(/^error: /, ''), 2)
  }
  if (error instanceof GogepoError) return say(error.code, error.message, wrongFromArguments.has(error.code) ? 2 : 1)
  const node = error as NodeJS.ErrnoException
  if (node.code && node.syscall) return say('ERR_FILE', node.message, 1) // the file system's own words
  process.stderr.write(`gogepo: a fault of gogepo itself, please report it.\n${node.stack ?? String(error)}\n`)
  return 1
}

function say(code: string, message: string, exit: number): number {
  process.stderr.write(`gogepo: ${message}\n`)
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
  return exit
}
