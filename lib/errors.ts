/** Every error a user can meet: a stable code, and words that say what was expected, what came and what to do. */

export type GogepoErrorCode =
  | 'ERR_ABORTED' // stopped by an AbortSignal or Ctrl-C
  | 'ERR_ADDON' // the prebuilt or built addon is missing or cannot be opened
  | 'ERR_ARGUMENT' // an argument or option that cannot be
  | 'ERR_BUSY' // a second job on an object that is still busy with its first
  | 'ERR_CHECKPOINT' // a checkpoint or another file of a run that is damaged or does not fit
  | 'ERR_CUDA_UNAVAILABLE' // CUDA was asked for and cannot be had
  | 'ERR_DISK_FULL' // a checkpoint or an event did not fit
  | 'ERR_DISPOSED' // used after dispose()
  | 'ERR_DIVERGED' // a simulation that is no longer finite
  | 'ERR_ENGINE' // LibTorch refused, or memory ran out
  | 'ERR_FILE' // a file that is damaged or does not hold what it should
  | 'ERR_LIBTORCH_NOT_FOUND'
  | 'ERR_LIBTORCH_VERSION'
  | 'ERR_NOT_FINITE' // a loss or a parameter that is not a number
  | 'ERR_RUN' // a folder that is not a run, or a run that already exists
  | 'ERR_SETTING' // an unknown setting, or a value it cannot take
  | 'ERR_SETUP' // something that setting up needs is missing or failed
  | 'ERR_SHAPE' // an array of the wrong size
  | 'ERR_TASK_OPTION' // an option that the task does not have, or a value it cannot take
  | 'ERR_UNKNOWN_ENV'

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
