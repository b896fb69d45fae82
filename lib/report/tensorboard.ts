/** A run as TensorBoard reads it: <run>/tensorboard/events.out.tfevents.…, with scalars and hyperparameters. */
import { closeSync, openSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { makeFolder, writeError, writeFully } from '../base/files.js'
import type { TrainEvent } from '../train/events.js'
import { Fields } from './fields.js'
import type { Reporter, RunStart } from './reporter.js'
import { bytes, double, event, integer, message, record, text } from './tensorboard-format.js'

/** Writes event files into the folder of each run that it reports. A disk that fills up ends the log, not the run. */
export class TensorBoardReporter implements Reporter {
  private file: number | undefined
  private fields: Fields | undefined
  private run = ''

  start(run: RunStart): void {
    this.run = run.run
    this.fields = new Fields(run.steps)
    this.attempt(() => {
      const folder = join(run.run, 'tensorboard')
      makeFolder(folder, (error) => error as Error)
      const name = `events.out.tfevents.${String(Math.floor(now())).padStart(10, '0')}.${hostname()}.${process.pid}.${count++}`
      this.file = openSync(join(folder, name), 'ax')
      this.write(event(now(), 0, text(3, 'brain.Event:2')))
      // What an earlier file has from this step on was lost with the process that wrote it.
      this.write(event(now(), run.steps + 1, message(7, [integer(1, 1)])))
      if (run.steps === 0) this.write(event(now(), 0, message(5, [hyperparameters(run)])))
    })
  }

  event(happened: TrainEvent): void {
    const row = this.fields?.row(happened)
    if (row === undefined) return
    const values = Object.entries(row.values).map(([tag, value]) => scalar(tag, value))
    this.attempt(() => this.write(event(now(), row.step, message(5, values))))
  }

  end(): void {
    const { file } = this
    this.file = undefined
    this.attempt(() => file !== undefined && closeSync(file)) // network file systems report failed writes here
  }

  private write(data: Uint8Array): void {
    if (this.file !== undefined) writeFully(this.file, record(data))
  }

  private attempt(work: () => unknown): void {
    try {
      work()
    } catch (error) {
      this.end()
      console.error(writeError(error, join(this.run, 'tensorboard'), 'The run continues without it.').message)
    }
  }
}

let count = 0 // files of this process
const now = (): number => Date.now() / 1000

/** Summary.Value: tag = 1, simple_value = 2. */
const scalar = (tag: string, value: number): Uint8Array => message(1, [text(1, tag), float(2, value)])

function float(field: number, value: number): Uint8Array {
  const data = Buffer.alloc(5)
  data[0] = (field << 3) | 5
  data.writeFloatLE(Math.fround(value), 1)
  return data
}

/** What its plugin for hyperparameters reads: HParamsPluginData with a session_start_info. */
function hyperparameters({ algorithm, task, seed, settings, run }: RunStart): Uint8Array {
  const all: Record<string, unknown> = { algorithm, task, seed, ...settings }
  const entries = Object.entries(all).map(([name, value]) => message(1, [text(1, name), message(2, [valueOf(value)])]))
  const content = message(3, [...entries, text(4, run), double(5, now())])
  const plugin = message(1, [text(1, 'hparams'), bytes(2, Buffer.concat([integer(1, 0), content]))])
  const nothing = message(8, [integer(1, 1), message(2, [message(2, [integer(1, 1)])]), float(5, 0)]) // one float, 0
  return message(1, [text(1, '_hparams_/session_start_info'), nothing, message(9, [plugin])])
}

/** google.protobuf.Value: number_value = 2, string_value = 3, bool_value = 4. */
const valueOf = (value: unknown): Uint8Array =>
  typeof value === 'number'
    ? double(2, value)
    : typeof value === 'boolean'
      ? integer(4, Number(value))
      : text(3, Array.isArray(value) ? value.join(',') : String(value))
