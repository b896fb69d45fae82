/** Every error a user can meet: a stable code, and a message that says what was expected, what was received and what to do. */

/** Every code, with its cause and its remedy. docs/errors.md is generated from this table. */
export const errorCodes = {
  ERR_ADDON: {
    when: 'the addon is missing, or the system refuses to open it or one of its libraries',
    then: 'run `gogepo doctor`; in a clone, `npm run setup` builds the addon',
  },
  ERR_ARGUMENT: {
    when: 'invalid argument or option',
    then: 'the message says what was expected; `gogepo <verb> --help` lists all options',
  },
  ERR_BUNDLED: {
    when: 'a bundler put gogepo into another file, away from its native libraries',
    then: 'leave `gogepo` out of the bundle, as the message shows for esbuild, webpack and Next.js',
  },
  ERR_BUSY: {
    when: 'an object was called again before its previous call had finished',
    then: 'await the first call, or create a second object',
  },
  ERR_CHECKPOINT: {
    when: 'a file of a run is damaged, was changed, or was written by other versions',
    then: 'use an older checkpoint (`--checkpoint <steps>`) or restore the file; for other versions, `--allow-version-change`',
  },
  ERR_CPU: {
    when: 'the CPU lacks instructions that MuJoCo needs (AVX)',
    then: 'use another CPU, or pass the host’s CPU through to the virtual machine',
  },
  ERR_CUDA_UNAVAILABLE: {
    when: 'CUDA was requested but is not available',
    then: 'use `--device cpu`, or set `GOGEPO_LIBTORCH` to a CUDA build of LibTorch; `gogepo doctor` shows the LibTorch and the devices that it finds',
  },
  ERR_DISK_FULL: {
    when: 'a file did not fit on the disk or into the quota',
    then: 'free the space that the message names, then resume: the last checkpoint is intact',
  },
  ERR_DISPOSED: {
    when: 'an object was used after its `dispose()`',
    then: 'create it again, or dispose of it later',
  },
  ERR_DIVERGED: {
    when: 'more than 10 of the last 100 episodes diverged (NaN or infinity)',
    then: 'reduce `noise`, or restrict the actions through the task’s options',
  },
  ERR_DOWNLOAD: {
    when: 'a file could not be downloaded, or it is not the expected one',
    then: 'do what the message says, then run setup again: it continues where it stopped; or name another source with `--from` or `--mirror`',
  },
  ERR_ENGINE: {
    when: 'LibTorch reported an error',
    then: 'the message contains what LibTorch reported',
  },
  ERR_ENVIRONMENT: {
    when: 'a user-defined task returned an invalid value or threw (see `cause`)',
    then: 'fix the task: the message says where; `gogepo check <task>` looks for more problems; then resume',
  },
  ERR_EXECUTOR: {
    when: 'Slurm, Ray or Kubernetes did not accept the runs of a study',
    then: 'the message says what it answered; `docs/studies.md` says what each of them needs',
  },
  ERR_FILE: {
    when: 'a file is damaged, cannot be read or written, or does not contain what it should',
    then: 'the message names the file and the problem',
  },
  ERR_GLIBC: {
    when: 'the C library of this system is too old',
    then: 'use a newer system or a container image: the message names the version that is needed',
  },
  ERR_INTERRUPTED: {
    when: 'training was stopped before it had begun',
    then: 'start or resume it again: nothing was lost',
  },
  ERR_LIBTORCH_DAMAGED: {
    when: 'a file of LibTorch is damaged: its size or its hash is not the one in LibTorch’s list of files',
    then: 'delete the folder that the message names, and run `gogepo setup`',
  },
  ERR_LIBTORCH_NOT_FOUND: {
    when: 'no LibTorch was found, or none at the path that a variable names',
    then: 'run `gogepo setup` (in a clone, `npm run setup`), or correct the variable that the message names',
  },
  ERR_LIBTORCH_VERSION: {
    when: 'the LibTorch found is not a supported version, or the process has already opened another one',
    then: 'set `GOGEPO_LIBTORCH` to a supported version; a process can open only one',
  },
  ERR_MEMORY: {
    when: 'the networks, the policies or a full buffer need more memory than there is, on the host or the CUDA device',
    then: 'make them smaller or fewer: the message says how much is needed and how much is free',
  },
  ERR_NOT_FINITE: {
    when: 'a loss, a parameter or a policy became NaN or infinite',
    then: 'the last checkpoint is intact; try smaller learning rates, smaller rewards or less extreme commands',
  },
  ERR_PACKAGE: {
    when: 'an optional npm package that this needs is not installed',
    then: 'run the command that the message names',
  },
  ERR_PLATFORM: {
    when: 'the operating system, the CPU architecture or the C library is not one that gogepo runs on',
    then: 'use Linux x86-64 with glibc, for example in a container',
  },
  ERR_PYTHON: {
    when: 'Python, or a package that the task needs, is missing; or the task failed in two processes',
    then: 'run the command that the message names; if the task failed, the message ends with its last output and the run can be resumed',
  },
  ERR_RUN: {
    when: 'a folder is not a run, already contains a run, or is being trained by another process',
    then: 'choose another folder (`--run`), continue with `--resume`, or wait for the other process',
  },
  ERR_SETTING: {
    when: 'an unknown setting, preset or algorithm, or a value out of range',
    then: '`gogepo algorithms <name>` and docs/settings.md list every setting with its range',
  },
  ERR_SETUP: {
    when: 'something that setup needs is missing or failed',
    then: 'do what the message says, then run setup again',
  },
  ERR_SHAPE: {
    when: 'an array has the wrong size',
    then: 'the message says how many elements were expected and how many were received',
  },
  ERR_TASK_OPTION: {
    when: 'the task does not have this option, or the value is invalid',
    then: '`gogepo envs <task>` lists its options',
  },
  ERR_UNKNOWN_ENV: {
    when: 'there is no task of this name',
    then: '`gogepo envs` lists the tasks',
  },
} as const satisfies Readonly<Record<string, { when: string; then: string }>>

/** One of the codes in docs/errors.md, which says when each occurs and what to do. */
export type GogepoErrorCode = keyof typeof errorCodes

/** What gogepo throws: a stable `code`, a `message` for people, and as `cause` the underlying error, if any. */
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

/** Whether it is a GogepoError with one of these codes. */
export const hasCode = (error: unknown, ...codes: GogepoErrorCode[]): error is GogepoError =>
  error instanceof GogepoError && codes.includes(error.code)

/**
 * ` Did you mean "…"?`: the known name that `typed` is without its version or begins, the newest version if there are several,
 * or the nearest one, with or without its version, with at most a third of its letters different.
 * @param prefix what known names begin with and people leave out
 */
export function didYouMean(typed: string, known: Iterable<string>, prefix = ''): string {
  if (typed.length > 100) return '' // nobody typed that, and the distance takes quadratic time
  const lower = typed.toLowerCase()
  let best: string | undefined
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const name of known) {
    const other = name.slice(prefix.length).toLowerCase()
    const base = other.replace(/-v\d+$/, '')
    const nearest = Math.min(editDistance(lower, other), editDistance(lower, base))
    const begins = typed.length >= 3 && other.startsWith(lower)
    const distance = begins ? Math.min(0.5, nearest) : nearest // MountainCar is nearer than MountainCarContinuous
    const newer = distance === least && best !== undefined && isNewerVersion(name, best)
    if (distance < least || newer) [best, least] = [name, distance]
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`
}

/** Whether two names differ only in their version, -v<n>, and the first has the higher one. */
function isNewerVersion(name: string, than: string): boolean {
  const [, base, version] = /^(.*-v)(\d+)$/.exec(name) ?? []
  const [, otherBase, otherVersion] = /^(.*-v)(\d+)$/.exec(than) ?? []
  return base !== undefined && base === otherBase && Number(version) > Number(otherVersion)
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
