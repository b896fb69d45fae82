/** A run as a table: <run>/progress.csv, one row per iteration, under the names that the field uses. */
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { writeError, writeWhole } from '../base/files.js'
import type { TrainEvent } from '../train/events.js'
import { Fields, type Row } from './fields.js'
import type { Reporter, RunStart } from './reporter.js'

const evaluation = ['eval/mean_reward', 'eval/std_reward', 'eval/achieved', 'eval/command', 'eval/predicted']

/** Writes a file into the folder of each run that it reports. A disk that fills up ends the log, not the run. */
export class CsvReporter implements Reporter {
  private path = ''
  private fields: Fields | undefined
  private columns: string[] = []
  private pending: Row | undefined
  private failed = false

  start({ run, steps }: RunStart): void {
    this.path = join(run, 'progress.csv')
    this.fields = new Fields(steps)
    this.pending = undefined
    this.failed = false
    this.attempt(() => this.keepUpTo(steps))
  }

  event(event: TrainEvent): void {
    const row = this.fields?.row(event)
    if (row === undefined) return
    // The evaluation of an iteration follows it, and belongs into its row.
    if (this.pending !== undefined && row.step === this.pending.step) Object.assign(this.pending.values, row.values)
    else {
      this.flush()
      this.pending = row
    }
  }

  end(): void {
    this.flush()
  }

  /** Rows after this step were lost with the process that wrote them. */
  private keepUpTo(steps: number): void {
    if (!existsSync(this.path)) return
    // What follows the last line break is the part of a row that a process was writing when it was killed.
    const [head, ...rows] = readFileSync(this.path, 'utf8').split('\n').slice(0, -1)
    this.columns = head?.split(',') ?? []
    const kept = rows.filter((row) => row !== '' && Number(row.split(',')[0]) <= steps)
    const lines = head === undefined ? [] : [head, ...kept]
    writeWhole(this.path, [Buffer.from(lines.map((line) => `${line}\n`).join(''))])
  }

  private flush(): void {
    const row = this.pending
    this.pending = undefined
    if (row === undefined || this.failed) return
    const cells: Record<string, number> = { ...row.values, 'time/total_timesteps': row.step }
    this.attempt(() => {
      if (this.columns.length === 0) {
        this.columns = ['time/total_timesteps', ...new Set([...Object.keys(row.values), ...evaluation])]
        this.append(this.columns)
      }
      this.append(this.columns.map((name) => cells[name] ?? ''))
    })
  }

  /** Adds a whole line or nothing: half a row looks like one with other numbers. */
  private append(line: readonly (string | number)[]): void {
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
    try {
      appendFileSync(this.path, `${line.join(',')}\n`)
    } catch (error) {
      if (existsSync(this.path)) truncateSync(this.path, size)
      throw error
    }
  }

  private attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.failed = true
      console.error(writeError(error, this.path, 'The run continues without it.').message)
    }
  }
}
