/** Progress of several runs for people: one line for all, a live one on a terminal, lines when piped. */
import type { WriteStream } from 'node:tty'
import type { EpisodeEvent, TrainEvent } from './reporter.js'
import { count, short } from './terminal.js'

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
  private shownAt = -Infinity
  private stale = false

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** What is told of the events of one seed's run. */
  listener(seed: number, budget: number): (event: TrainEvent) => void {
    const row: Row = { seed, budget }
    this.rows.push(row)
    this.rows.sort((a, b) => a.seed - b.seed)
    return (event) => {
      if (event.type === 'episode') {
        row.last = event
        this.stale = true
        if (performance.now() - this.shownAt >= (this.out.isTTY ? redraw : quiet)) this.show()
      } else if (event.type === 'evaluation')
        this.say(
          `seed ${seed}: evaluation at ${count(event.steps)} steps: asked ${short(event.command)}, got ${short(event.mean)} ± ${short(event.std)}`,
        )
      else this.say(`seed ${seed}: the simulation of episode ${event.attempt} diverged; it is not stored`)
    }
  }

  /** A line that stays. */
  say(text: string): void {
    this.out.write(this.out.isTTY ? `\r\x1b[2K${text}\n` : `${text}\n`)
  }

  /** After the last event of all. */
  close(): void {
    if (this.stale) this.show()
    if (this.out.isTTY && this.rows.length > 0) this.out.write('\n')
  }

  private show(): void {
    this.shownAt = performance.now()
    this.stale = false
    const text = this.line()
    if (this.out.isTTY) this.out.write(`\r\x1b[2K${text.slice(0, ((this.out as WriteStream).columns || 80) - 1)}`)
    else this.out.write(`${text}\n`)
  }

  /** `s1 12% best 93.2 | s2 … | 12,345 steps/s`: what is done of each seed's budget, its best return, and all steps together. */
  private line(): string {
    const each = this.rows.map(({ seed, budget, last }) =>
      last === undefined
        ? `s${seed} –`
        : `s${seed} ${Math.floor((100 * last.steps) / budget)}% best ${short(last.best)}`,
    )
    const steps = this.rows.reduce((sum, { last }) => sum + (last?.steps ?? 0), 0)
    return `${each.join(' | ')} | ${count(Math.round(steps / ((performance.now() - this.started) / 1000)))} steps/s`
  }
}
