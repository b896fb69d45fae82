/** The sweep of a finished run: sweep.json in its folder. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { readText, writeWhole } from '../base/files.js'
import type { Compute } from '../run/compute.js'
import { openRun, type Sweep } from '../run/opened-run.js'

/** How well a run follows commands, and after how many steps of training. */
export interface SavedSweep extends Sweep {
  steps: number
}

const nameOf = (run: string): string => join(run, 'sweep.json')
const largest = 1 << 20 // bytes

/** Sweeps a run at its last checkpoint and saves the result. @throws GogepoError what opening and sweeping a run throws */
export async function saveSweep(run: string, compute: Compute): Promise<void> {
  using opened = await openRun(run, compute)
  const sweep: SavedSweep = { steps: opened.steps, ...(await opened.sweep()) }
  writeWhole(nameOf(run), [Buffer.from(`${JSON.stringify(sweep)}\n`)])
}

/**
 * @param steps that the run has been trained for
 * @returns undefined where it has not been swept after so many steps
 * @throws GogepoError ERR_FILE when the file is broken
 */
export function savedSweep(run: string, steps: number): SavedSweep | undefined {
  const path = nameOf(run)
  if (!existsSync(path)) return undefined
  try {
    const sweep = JSON.parse(readText(path, largest)) as SavedSweep
    if (!Array.isArray(sweep.rows)) throw new Error('it has no rows')
    return sweep.steps === steps ? sweep : undefined
  } catch (error) {
    throw new GogepoError('ERR_FILE', `${path} is broken: ${(error as Error).message}. Delete it.`, { cause: error })
  }
}
