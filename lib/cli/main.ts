#!/usr/bin/env node
/**
 * The executable. It imports only what Node has already loaded: where even the files of gogepo cannot be opened, as with
 * ulimit -n 24, that is said in words.
 */
import { constants } from 'node:os'
import process from 'node:process'

// Node would answer this signal by opening its debugger on a port. Here it ends a process that has no listener of its own to
// save something, as other signals do.
process.on('SIGUSR1', () => {
  if (process.listenerCount('SIGUSR1') === 1) process.exit(128 + constants.signals.SIGUSR1)
})

import('./command-line.js').catch((error: unknown) => {
  const { code, message, stack } = error as NodeJS.ErrnoException
  const words =
    code === 'EMFILE' || code === 'ENFILE'
      ? 'too many files are open for gogepo to open its own. Raise the limit, for example with: ulimit -n 1024'
      : code === 'ERR_MODULE_NOT_FOUND' || code === 'EACCES'
        ? `a file of gogepo or of a package that it needs cannot be opened: ${message}. Install gogepo again.`
        : `this is a bug in gogepo; please report it.\n${stack ?? message}`
  process.stderr.write(`gogepo: ${words}\n`)
  process.exitCode = 1
})
