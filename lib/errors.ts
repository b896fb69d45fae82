/** Every error a user can meet: a stable code, and words that say what was expected, what came and what to do. */

/** Every code: when it comes, and what to do then. docs/errors.md is made of this. */
export const errorCodes = {
  ERR_ADDON: {
    when: 'the addon is not there, or the system refuses to open it or one of its libraries',
    then: 'run `gogepo doctor`; in a clone `npm run setup` builds it',
  },
  ERR_ARGUMENT: {
    when: 'an argument or option that cannot be',
    then: 'the message says what was expected; `gogepo <verb> --help` lists all',
  },
  ERR_BUSY: {
    when: 'an object was called again before its last call had ended',
    then: 'await the first call, or make a second object',
  },
  ERR_CHECKPOINT: {
    when: 'a file of a run is damaged, was changed, or was made with other versions',
    then: 'ask an older checkpoint (`--checkpoint <steps>`), or put the file back; other versions: `--allow-version-change`',
  },
  ERR_CUDA_UNAVAILABLE: {
    when: 'CUDA was asked for and cannot be had',
    then: 'use `--device cpu`, or name a LibTorch with CUDA in `GOGEPO_LIBTORCH`; `gogepo doctor` shows both',
  },
  ERR_DISK_FULL: {
    when: 'a checkpoint or an event did not fit on the disk',
    then: 'free as much as the message says, then resume: the last checkpoint is whole',
  },
  ERR_DISPOSED: { when: 'an object was used after its dispose()', then: 'make it anew, or dispose of it later' },
  ERR_DIVERGED: {
    when: 'more than 10 of the last 100 episodes left the finite numbers of the simulation',
    then: 'tame what the policies do or the task allows: less `noise`, or its options',
  },
  ERR_ENGINE: { when: 'LibTorch refused', then: 'the message holds its words' },
  ERR_ENVIRONMENT: {
    when: 'a task of one’s own returned what it must not, or threw; then `cause` is what it threw',
    then: 'mend the task: the message says where; `gogepo check <file>` looks for more; then resume',
  },
  ERR_FILE: {
    when: 'a file is damaged, cannot be read or written, or does not hold what it should',
    then: 'the message names the file and what is wrong with it',
  },
  ERR_LIBTORCH_NOT_FOUND: {
    when: 'no LibTorch was found, or none where a variable points to',
    then: 'run `gogepo setup` (in a clone `npm run setup`), or correct the variable that the message names',
  },
  ERR_LIBTORCH_VERSION: {
    when: 'the LibTorch found is one that there is no engine for, or another one is open in the process',
    then: 'name a supported one in `GOGEPO_LIBTORCH`; one process opens one',
  },
  ERR_MEMORY: {
    when: 'the networks, the policies at once or a full buffer would take more memory than there is, or memory ran out, the CUDA device’s too',
    then: 'smaller ones, or fewer: the message says what is needed and what is free, or holds LibTorch’s words',
  },
  ERR_NOT_FINITE: {
    when: 'a loss, a parameter or a policy is no longer a finite number',
    then: 'the last checkpoint is whole; smaller learning rates or less extreme commands help',
  },
  ERR_PYTHON: {
    when: 'Python or what a task in it needs is missing, or the task failed in two processes',
    then: 'run the command that the message names; of a task that failed the message holds its last words, and the run can be resumed',
  },
  ERR_RUN: {
    when: 'a folder is not a run, is a run already, or is being trained by another process',
    then: 'name another folder (`--run`), go on with `--resume`, or wait for the other process',
  },
  ERR_SETTING: {
    when: 'an unknown setting, or a value that it cannot take',
    then: '`gogepo train --help` lists each with its range, docs/settings.md as well',
  },
  ERR_SETUP: {
    when: 'something that setting up needs is missing or failed',
    then: 'do what the message says, then set up again',
  },
  ERR_SHAPE: {
    when: 'an array of the wrong size',
    then: 'the message says how many numbers were expected and how many came',
  },
  ERR_TASK_OPTION: {
    when: 'an option that the task does not have, or a value that it cannot take',
    then: '`gogepo envs <task>` lists its options',
  },
  ERR_UNKNOWN_ENV: { when: 'no task has this name', then: '`gogepo envs` lists the tasks' },
} as const satisfies Readonly<Record<string, { when: string; then: string }>>

/** The codes of `errorCodes`; docs/errors.md says of each when it comes and what to do. */
export type GogepoErrorCode = keyof typeof errorCodes

/** What gogepo throws: `code` is stable, `message` is for people, `cause` what was thrown beneath. */
export class GogepoError extends Error {
  override readonly name = 'GogepoError'
  constructor(
    readonly code: GogepoErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The name among `known` that `typed` was probably meant to be: at most a third of its letters off. */
export function didYouMean(typed: string, known: Iterable<string>): string {
  if (typed.length > 100) return '' // nobody's typing, and the distance costs its length
  let best: string | undefined
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const name of known) {
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase())
    if (distance < least) [best, least] = [name, distance]
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
