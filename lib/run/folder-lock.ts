/** The lock of a folder in which only one process may work, a run's or a study's: a kernel lock on its file `lock`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile, unlockFile } from '../native/loader.js'

// To ask whether a lock is held is to take it for a moment, which no other process may mistake for work.
const patience = { take: 20, ask: 3 } // attempts
const pause = 10 // milliseconds between them

export class FolderLock {
  private readonly path: string
  private lock: number | undefined

  constructor(folder: string) {
    this.path = join(folder, 'lock')
  }

  /** Takes it until release(), or the end of this process. @returns whether no other process has it */
  take(attempts = patience.take): boolean {
    for (let attempt = 1; attempt <= attempts && this.lock === undefined; attempt++) {
      if (attempt > 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause)
      this.lock = lockFile(this.path)
    }
    return this.lock !== undefined
  }

  release(): void {
    if (this.lock !== undefined) unlockFile(this.lock)
    this.lock = undefined
  }

  /** Whether a process has it. */
  isHeld(): boolean {
    if (this.lock !== undefined) return true
    if (!existsSync(this.path)) return false
    const free = this.take(patience.ask)
    this.release()
    return !free
  }
}
