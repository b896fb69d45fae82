/** A run as a table: <run>/progress.csv, one row per iteration, under the names that the field uses. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
    const [head, ...rows] = readFileSync(this.path, 'utf8').split('\n')
    this.columns = head!.split(',')
    const kept = rows.filter((row) => row !== '' && Number(row.split(',')[0]) <= steps)
    writeFileSync(this.path, [head, ...kept].map((line) => `${line}\n`).join(''))
  }

  private flush(): void {
    const row = this.pending
    this.pending = undefined
    if (row === undefined || this.failed) return
    this.attempt(() => {
      if (this.columns.length === 0) {
        this.columns = ['time/total_timesteps', ...new Set([...Object.keys(row.values), ...evaluation])]
        appendFileSync(this.path, `${this.columns.join(',')}\n`)
      }
      const cells: Record<string, number> = { ...row.values, 'time/total_timesteps': row.step }
      appendFileSync(this.path, `${this.columns.map((name) => cells[name] ?? '').join(',')}\n`)
    })
  }

  private attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.failed = true
      console.error(`${this.path} cannot be written: ${(error as Error).message}. The run continues without it.`)
    }
  }
}
