/**
 * A run on disk: <folder>/{config.json, events.jsonl, checkpoints/, buffer/, lock}. One process at a time trains it.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Algorithm } from '../algorithms/algorithm.js'
import { algorithms } from '../algorithms/registry.js'
import { GogepoError, hasCode } from '../base/errors.js'
import { makeFolder, readText, refuseLink, writeError, writeWhole } from '../base/files.js'
import type { TrainEvent } from '../train/events.js'
import type { Session } from '../train/session.js'
import type { Journal, Progress } from '../train/trainer.js'
import { Checkpoints, type Loaded } from './checkpoints.js'
import { checkedSettings, identityOf, lastVersions, readConfig, writeConfig, type RunConfig } from './config.js'
import { EventFile } from './events.js'
import { FolderLock } from './folder-lock.js'

const unfinishedConfig = /^config\.json\.\d+\.tmp$/

export class RunFolder implements Journal {
  readonly checkpoints: Checkpoints
  readonly events: EventFile
  private readonly lock: FolderLock

  private constructor(
    readonly path: string,
    readonly config: RunConfig,
    private readonly given?: Algorithm,
  ) {
    this.lock = new FolderLock(path)
    this.checkpoints = new Checkpoints(path)
    this.events = new EventFile(join(path, 'events.jsonl'), () => this.checkpoints.whatIsLeft())
  }

  /**
   * Makes the folder, for training.
   * @throws GogepoError ERR_RUN when something is there already; ERR_DISK_FULL, ERR_FILE
   */
  static create(path: string, config: RunConfig, algorithm: Algorithm): RunFolder {
    if (
      existsSync(path) &&
      (!statSync(path).isDirectory() || readdirSync(path).some((name) => !unfinishedConfig.test(name)))
    )
      throw new GogepoError(
        'ERR_RUN',
        `${path} exists and is not an empty folder; a run never overwrites anything. Choose another --run folder${existsSync(join(path, 'config.json')) ? `, or continue with: gogepo train --resume ${path}` : '.'}`,
      )
    if (path === '')
      throw new GogepoError('ERR_RUN', 'The name of the run’s folder is empty. Name one with --run, or leave it out.')
    if (!existsSync(path) && isLink(path))
      throw new GogepoError('ERR_RUN', `${path} is a symbolic link to nothing. Choose another --run folder.`)
    makeOwnFolder(path)
    writeConfig(path, config) // first: from here on it is a run, and can be resumed
    const folder = new RunFolder(path, config, algorithm)
    folder.claim()
    folder.makeFolders()
    return folder
  }

  /**
   * @param given the algorithm, where a program passed its own
   * @throws GogepoError ERR_RUN when it is not a run, ERR_CHECKPOINT when its config.json is broken
   */
  static open(path: string, given?: Algorithm): RunFolder {
    if (!existsSync(path))
      throw new GogepoError('ERR_RUN', `${path || '""'} does not exist. A run is a folder that gogepo train made.`)
    const file = join(path, 'config.json')
    if (!existsSync(file))
      throw new GogepoError(
        'ERR_RUN',
        `${path} is not a run: it has no config.json. A run is a folder that gogepo train made.`,
      )
    return new RunFolder(path, readConfig(file), given)
  }

  /** The algorithm that the run is trained with. @throws GogepoError ERR_RUN, ERR_ARGUMENT, ERR_SETTING */
  get algorithm(): Algorithm {
    const { config, given } = this
    if (given === undefined) {
      const builtIn = algorithms.find(({ name }) => name === config.algorithm)
      if (builtIn !== undefined && !config.ownAlgorithm) return builtIn
      throw new GogepoError(
        'ERR_RUN',
        `${this.path} was trained with ${config.algorithm}, an algorithm that a program passed and no file contains. Pass it again, from a program, with the option algorithm.`,
      )
    }
    if (given.name !== config.algorithm)
      throw new GogepoError(
        'ERR_ARGUMENT',
        `${this.path} was trained with ${config.algorithm}, not with ${given.name}.`,
      )
    checkedSettings(given, config.settings)
    return given
  }

  /**
   * Takes the run for this process until close(); the kernel releases it when the process dies.
   * @throws GogepoError ERR_RUN
   */
  claim(): void {
    if (!this.lock.take())
      throw new GogepoError('ERR_RUN', `${this.path} is being trained by another process. Wait for it, or stop it.`)
  }

  private makeFolders(): void {
    for (const name of ['checkpoints', 'buffer']) {
      refuseLink(join(this.path, name))
      makeFolder(join(this.path, name))
    }
  }

  /** Whether a process is training it. */
  isRunning(): boolean {
    return this.lock.isHeld()
  }

  /** Writes config.json again, after a change of the budget, the versions or other fields. */
  writeConfig(): void {
    writeConfig(this.path, this.config)
  }

  /** Seconds in each phase over all processes that trained the run and ended by themselves; a killed one leaves none. */
  get phases(): Record<string, number> {
    const path = join(this.path, 'phases.json')
    try {
      return existsSync(path) ? (JSON.parse(readText(path, 1 << 16)) as Record<string, number>) : {}
    } catch {
      return {} // it decides nothing
    }
  }

  addPhases(seconds: Readonly<Record<string, number>>): void {
    const all = { ...this.phases }
    for (const [phase, more] of Object.entries(seconds)) all[phase] = (all[phase] ?? 0) + more
    writeWhole(join(this.path, 'phases.json'), [Buffer.from(`${JSON.stringify(all)}\n`)])
  }

  append(event: TrainEvent): void {
    this.events.append(event)
  }

  async save(session: Session, progress: Progress): Promise<void> {
    this.events.sync()
    const made = {
      identity: identityOf(this.config, this.algorithm),
      versions: lastVersions(this.config),
      progress,
      eventBytes: this.events.bytes,
    }
    await this.checkpoints.save(session, made, session.settings.keepCheckpointEvery)
  }

  /**
   * Training may end in a dip, so the commands of the best checkpoint are corrected as well. A damaged one stays as it is.
   * @param session whose training has ended: what it holds is replaced by the best checkpoint
   * @param signal aborting it leaves the checkpoint uncorrected until the run is resumed
   */
  async correctBest(session: Session, signal: AbortSignal): Promise<void> {
    const { evaluationEpisodes, keepCheckpointEvery } = session.settings
    try {
      const best = this.checkpoints.uncorrectedBest
      if (best === undefined) return
      this.load(session, best, false)
      if (session.needsCorrection) await session.correctCommands(evaluationEpisodes, signal)
      if (session.correction !== undefined) await this.checkpoints.saveCorrected(session, best, keepCheckpointEvery)
    } catch (error) {
      const stopped = signal.aborted && hasCode(error, 'ERR_INTERRUPTED') // by a task that did not answer after the signal
      if (!stopped && !hasCode(error, 'ERR_CHECKPOINT')) throw error
    }
  }

  settled(): Promise<void> {
    return this.checkpoints.settled()
  }

  /** Puts a checkpoint into a session. @throws GogepoError ERR_CHECKPOINT */
  load(session: Session, which: 'last' | 'best' | number, rows: boolean): Loaded {
    return this.checkpoints.load(session, identityOf(this.config, this.algorithm), which, rows)
  }

  /**
   * Removes everything newer than the checkpoint that training continues from: events, and what a killed process left
   * half written.
   */
  async rewind(loaded: Loaded | undefined): Promise<void> {
    this.makeFolders()
    await this.checkpoints.removeUnfinished()
    if (loaded === undefined) this.refuseLostCheckpoints()
    this.events.rewind(loaded?.eventBytes ?? 0)
  }

  /**
   * A checkpoint follows every evaluation, at the latest before the one after next: a kill leaves at most two
   * evaluations without one.
   */
  private refuseLostCheckpoints(): void {
    const evaluations = this.events.evaluations()
    if (evaluations > 2)
      throw new GogepoError(
        'ERR_CHECKPOINT',
        `${join(this.path, 'checkpoints')} contains no checkpoint although ${evaluations} evaluations were recorded: they have been removed. Restore them, or train again in another folder.`,
      )
  }

  close(): void {
    this.events.close()
    this.lock.release()
  }
}

/** @throws GogepoError ERR_FILE when the path cannot be one */
function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    throw writeError(error, path)
  }
}

/** Makes the folder of a run, with its parents. @throws GogepoError ERR_RUN when another run has just made it */
function makeOwnFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(error, path)
    throw new GogepoError('ERR_RUN', `${path} has just been made by another run. Choose another --run folder.`)
  }
}
