/** A study on disk: <folder>/{study.json, lock}, its runs in <task>-<variant>/s<seed>, and its results. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { GogepoError } from '../base/errors.js'
import { makeFolder, readText, writeWhole } from '../base/files.js'
import { FolderLock } from '../run/folder-lock.js'
import { listedRun, type ListedRun } from '../run/listing.js'
import { refuseSameFolders, runsOf, sweeps, type Plan, type PlannedRun } from './plan.js'
import { savedSweep } from './sweeps.js'

const largest = 1 << 26 // bytes

/** What no run's own folder holds: beside it, in s<seed>.json. */
interface RunRecord {
  /** CPU time of all processes that trained and swept it, in seconds. */
  cpuSeconds: number
  /** Why it failed last time; absent once it continues. */
  error?: { code: string; message: string } | undefined
}

/** A run of a study as its files show it. */
export interface RunStatus {
  /** Its folder. */
  run: string
  task: string
  variant: string
  seed: number
  state: 'pending' | 'running' | 'interrupted' | 'failed' | 'finished'
  /** Trained so far, and the budget. */
  steps: number
  budget: number
  cpuSeconds: number
  error?: { code: string; message: string }
}

export class StudyFolder {
  private readonly lock: FolderLock
  private readonly unwritten = new Map<string, RunRecord>()

  private constructor(
    readonly path: string,
    readonly plan: Plan,
  ) {
    this.lock = new FolderLock(path)
  }

  /** Whether there is a study in this folder. */
  static is = (path: string): boolean => existsSync(join(path, 'study.json'))

  /** @throws GogepoError ERR_RUN when there is no study, ERR_FILE when its files are broken */
  static open(path: string): StudyFolder {
    if (!StudyFolder.is(path))
      throw new GogepoError(
        'ERR_RUN',
        `${path || '""'} is not the folder of a study: it has no study.json. Start a study with: gogepo study <file>`,
      )
    const plan = readJson<Plan>(join(path, 'study.json'))
    if (plan.format !== 1 || ![plan.tasks, plan.variants, plan.seeds].every(Array.isArray))
      throw new GogepoError('ERR_FILE', `${join(path, 'study.json')} is broken: expected format 1.`)
    return new StudyFolder(path, plan)
  }

  /**
   * The folder for a plan: a new one, or one whose study the plan continues. It may add and leave out tasks, variants and
   * seeds; what it leaves out is remembered, since its runs would be taken for those of a namesake.
   * @throws GogepoError ERR_RUN, ERR_ARGUMENT
   */
  static for(path: string, plan: Plan): StudyFolder {
    if (StudyFolder.is(path)) {
      const { tasks, variants, former } = StudyFolder.open(path).plan
      const before = {
        tasks: [...tasks, ...(former?.tasks ?? [])],
        variants: [...variants, ...(former?.variants ?? [])],
      }
      refuseChanges(path, before, plan)
      const left = { tasks: without(before.tasks, plan.tasks), variants: without(before.variants, plan.variants) }
      refuseSameFolders(path, {
        tasks: [...plan.tasks, ...left.tasks],
        variants: [...plan.variants, ...left.variants],
      })
      return new StudyFolder(path, left.tasks.length + left.variants.length === 0 ? plan : { ...plan, former: left })
    }
    if (existsSync(path) && !(statSync(path).isDirectory() && readdirSync(path).length === 0))
      throw new GogepoError(
        'ERR_RUN',
        `${path} exists and is not an empty folder; a study never overwrites anything. Choose another folder with --out.`,
      )
    return new StudyFolder(path, plan)
  }

  /** Takes the study for this process until close(), and records its plan. @throws GogepoError ERR_RUN, ERR_FILE */
  claim(): void {
    makeFolder(this.path)
    if (!this.lock.take())
      throw new GogepoError('ERR_RUN', `${this.path} is being run by another process. Wait for it, or stop it.`)
    this.write('study.json', `${JSON.stringify(this.plan, null, 2)}\n`)
  }

  close(): void {
    this.lock.release()
  }

  /** Whether a process is running the study. */
  isRunning(): boolean {
    return this.lock.isHeld()
  }

  runs(): PlannedRun[] {
    return runsOf(this.plan)
  }

  folderOf(run: PlannedRun): string {
    return join(this.path, run.name)
  }

  /** @throws GogepoError ERR_FILE when the file is broken */
  recordOf(run: PlannedRun): RunRecord {
    const unwritten = this.unwritten.get(run.name)
    if (unwritten !== undefined) return unwritten
    const path = `${this.folderOf(run)}.json`
    return existsSync(path) ? readJson<RunRecord>(path) : { cpuSeconds: 0 }
  }

  /** Written by the process that has the run, or by the one that started it after its death. */
  record(run: PlannedRun, record: RunRecord): void {
    makeFolder(dirname(this.folderOf(run)))
    this.write(`${run.name}.json`, `${JSON.stringify(record)}\n`)
  }

  /** Records a failure; where it cannot be written, as on a full disk, only this process knows it. */
  recordFailure(run: PlannedRun, record: RunRecord): void {
    try {
      this.record(run, record)
    } catch (error) {
      if (!(error instanceof GogepoError)) throw error
      this.unwritten.set(run.name, record)
    }
  }

  status(): RunStatus[] {
    return this.runs().map((run) => this.statusOf(run))
  }

  statusOf(run: PlannedRun): RunStatus {
    const folder = this.folderOf(run)
    const { cpuSeconds, error } = this.recordOf(run)
    const listed = existsSync(join(folder, 'config.json')) ? listedRun(folder) : undefined
    const wrong =
      listed?.state === 'damaged' ? { code: 'ERR_CHECKPOINT', message: listed.error ?? 'it is damaged' } : error
    const swept = !sweeps(this.plan, run.variant) || savedSweep(folder, listed?.steps ?? 0) !== undefined
    const state = stateOf(listed, run.task.steps, swept, wrong !== undefined)
    return {
      run: folder,
      task: run.task.name,
      variant: run.variant.name,
      seed: run.seed,
      state,
      steps: listed?.steps ?? 0,
      budget: run.task.steps,
      cpuSeconds,
      ...(state === 'failed' && wrong && { error: wrong }),
    }
  }

  /** Writes one of its files, whole or not at all. */
  write(name: string, text: string): void {
    writeWhole(join(this.path, name), [Buffer.from(text)])
  }
}

function stateOf(listed: ListedRun | undefined, budget: number, swept: boolean, failed: boolean): RunStatus['state'] {
  if (listed?.state === 'running') return 'running'
  // A run that has ended may still have less than the budget: the study's may have been raised.
  if (listed?.state === 'finished' && (listed.steps >= budget || listed.stopped) && swept) return 'finished'
  if (failed) return 'failed'
  return listed === undefined ? 'pending' : 'interrupted'
}

function readJson<T>(path: string): T {
  try {
    return JSON.parse(readText(path, largest)) as T
  } catch (error) {
    throw new GogepoError('ERR_FILE', `${path} is broken: ${(error as Error).message}.`, { cause: error })
  }
}

/** What has the same name must be the same: its runs are there already. Budgets may grow. */
function refuseChanges(path: string, before: Pick<Plan, 'tasks' | 'variants'>, now: Plan): void {
  const refuse = (what: string): never => {
    throw new GogepoError(
      'ERR_RUN',
      `${path} has runs of this study with another ${what}. Give the changed one another name, or choose another folder with --out.`,
    )
  }
  for (const variant of now.variants) {
    const old = before.variants.find(({ name }) => name === variant.name)
    if (old && !isDeepStrictEqual(plain(old), plain(variant))) refuse(`variant ${variant.name}`)
  }
  for (const task of now.tasks) {
    const old = before.tasks.find(({ name }) => name === task.name)
    if (!old) continue
    if (old.id !== task.id || !isDeepStrictEqual(plain(old.options), plain(task.options))) refuse(`task ${task.name}`)
    if (task.steps < old.steps)
      throw new GogepoError(
        'ERR_RUN',
        `${path} has runs with ${old.steps} steps of ${task.name}; a study’s budgets can only grow, got ${task.steps}. Choose another folder with --out.`,
      )
  }
}

/** Those whose names none of the others has. */
const without = <T extends { name: string }>(all: readonly T[], others: readonly T[]): T[] =>
  all.filter(({ name }) => others.every((other) => other.name !== name))

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
