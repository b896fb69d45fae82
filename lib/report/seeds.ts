/** Progress of several runs for people: one line for all of them, live on a terminal, repeated when piped. */
import { count, plural, short } from '../base/words.js'
import type { EpisodeEvent, TrainEvent } from '../train/events.js'
import { ExpectedTime } from './expected-time.js'
import type { Reporter, RunStart } from './reporter.js'
import { widthOf } from './screen.js'
import { describeDiverged, describeEvaluation } from './terminal.js'

const redraw = 200 // milliseconds between live lines
const quiet = 2000 // and between piped ones

interface Row {
  seed: number
  budget: number
  last?: EpisodeEvent
}

export class SeedsTable {
  private readonly rows: Row[] = []
  private readonly started = performance.now()
  private readonly expected = new ExpectedTime()
  private shownAt = -Infinity
  private stale = false

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** The reporter of one run. */
  reporter(): Reporter {
    let row: Row | undefined
    return {
      start: (run) => void (row = this.add(run)),
      event: (event) => this.event(row!, event),
      end: () => {},
    }
  }

  private add({ seed, budget, algorithm, task, device, run }: RunStart): Row {
    const row: Row = { seed, budget }
    this.rows.push(row)
    this.rows.sort((a, b) => a.seed - b.seed)
    this.say(`${algorithm} on ${task}, seed ${seed}, ${plural(budget, 'step')}, on ${device}, in ${run}`)
    return row
  }

  private event(row: Row, event: TrainEvent): void {
    if (event.type === 'evaluation') this.say(`seed ${row.seed}: ${describeEvaluation(event)}`)
    else if (event.type === 'diverged') this.say(`seed ${row.seed}: ${describeDiverged(event)}`)
    else if (event.type === 'episode') {
      row.last = event
      const [trained, budget] = [this.steps(), this.rows.reduce((sum, { budget }) => sum + budget, 0)]
      const expected = this.expected.after(trained, budget - trained)
      if (expected !== undefined) this.say(expected)
      this.stale = true
      if (performance.now() - this.shownAt >= (this.out.isTTY ? redraw : quiet)) this.show()
    }
  }

  /** Steps of all runs together. */
  private steps(): number {
    return this.rows.reduce((sum, { last }) => sum + (last?.steps ?? 0), 0)
  }

  /** Prints a line that stays. */
  say(text: string): void {
    this.out.write(this.out.isTTY ? `\r\x1b[2K${text}\n` : `${text}\n`)
  }

  /** After the last event of all runs. */
  close(): void {
    if (this.stale) this.show()
    if (this.out.isTTY && this.rows.length > 0) this.out.write('\n')
  }

  private show(): void {
    this.shownAt = performance.now()
    this.stale = false
    const width = widthOf(this.out) - 1
    const text = this.line(width)
    if (this.out.isTTY) this.out.write(`\r\x1b[2K${text.slice(0, width)}`)
    else this.out.write(`${text}\n`)
  }

  /**
   * `s1 12% best 93.2 | s2 … | 12,345 steps/s`: how much of each budget is used, the best returns, and the total rate.
   * Runs that do not fit are only counted.
   */
  private line(width: number): string {
    const each = this.rows.map(({ seed, budget, last }) =>
      last === undefined
        ? `s${seed} –`
        : `s${seed} ${Math.min(100, Math.floor((100 * last.steps) / budget))}% best ${short(last.best)}`,
    )
    const rate = Math.round(this.steps() / ((performance.now() - this.started) / 1000))
    for (let shown = each.length; ; shown--) {
      const more = shown < each.length ? [`${each.length - shown} more`] : []
      const text = [...each.slice(0, shown), ...more, `${count(rate)} steps/s`].join(' | ')
      if (text.length <= width || shown === 0) return text
    }
  }
}
