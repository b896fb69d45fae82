/** Events as JSON, one object per line, for programs that follow a run. */
import type { TrainEvent } from '../train/events.js'
import type { Reporter, RunStart } from './reporter.js'

export class JsonLinesReporter implements Reporter {
  private run = ''

  constructor(private readonly out: NodeJS.WritableStream) {}

  start({ run, algorithm, task, seed, budget, steps, device }: RunStart): void {
    this.run = run
    this.write({ type: 'start', run, algorithm, task, seed, budget, steps, device })
  }

  event(event: TrainEvent): void {
    this.write({ ...event, run: this.run })
  }

  end(): void {
    this.write({ type: 'end', run: this.run })
  }

  private write(value: object): void {
    this.out.write(`${JSON.stringify(value)}\n`)
  }
}
