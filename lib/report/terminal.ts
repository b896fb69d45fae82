/** Progress for people: one live line on a terminal, lines when piped. */
import type { WriteStream } from 'node:tty'
import { createColors } from 'picocolors'
import type { EpisodeEvent, TrainEvent } from './reporter.js'

const redraw = 100 // milliseconds between live lines
const quiet = 1000 // and between piped ones

export class TerminalReporter {
  private readonly live: boolean
  private readonly colors: ReturnType<typeof createColors>
  private readonly recent: { at: number; steps: number }[] = []
  private shownAt = -Infinity
  private pending: EpisodeEvent | undefined

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly budget: number,
    stepsBefore = 0,
  ) {
    this.live = out.isTTY
    this.colors = createColors(out.isTTY && !process.env['NO_COLOR'])
    this.recent.push({ at: performance.now(), steps: stepsBefore })
  }

  event(event: TrainEvent): void {
    if (event.type === 'evaluation') {
      this.flush()
      const { steps, command, predicted, mean, std } = event
      const text = `evaluation at ${count(steps)} steps: asked ${short(command)}, got ${short(mean)} ± ${short(std)} (critic expected ${short(predicted)})`
      this.print(this.colors.green(text))
      return
    }
    if (event.type === 'diverged') {
      this.flush()
      this.print(this.colors.yellow(`the simulation of episode ${event.attempt} diverged; it is not stored`))
      return
    }
    const now = performance.now()
    this.recent.push({ at: now, steps: event.steps })
    if (this.recent.length > 50) this.recent.shift()
    this.pending = event
    if (now - this.shownAt >= (this.live ? redraw : quiet)) this.flush()
  }

  /** After the last event. */
  close(): void {
    this.flush()
    if (this.live) this.out.write('\n')
  }

  private flush(): void {
    if (this.pending === undefined) return
    const text = this.line(this.pending)
    this.pending = undefined
    this.shownAt = performance.now()
    if (this.live) this.out.write(`\r\x1b[2K${text.slice(0, ((this.out as WriteStream).columns || 80) - 1)}`)
    else this.out.write(`${text}\n`)
  }

  private print(text: string): void {
    this.out.write(this.live ? `\r\x1b[2K${text}\n` : `${text}\n`)
  }

  private line(e: EpisodeEvent): string {
    const first = this.recent[0]!
    const rate = (e.steps - first.steps) / ((performance.now() - first.at) / 1000)
    const losses = e.criticLoss === null || e.generatorLoss === null ? '' : `  losses ${short(e.criticLoss)} ${short(e.generatorLoss)}`
    return `${count(e.steps)}/${count(this.budget)} steps  episode ${e.episode}  asked ${short(e.command)}  got ${short(e.return)}  best ${short(e.best)}${losses}  ${count(Math.round(rate))} steps/s  ${left((this.budget - e.steps) / rate)} left`
  }
}

/** Four digits at most, as a person would write them. */
export const short = (x: number): string => (Math.abs(x) >= 100_000 || (x !== 0 && Math.abs(x) < 0.01) ? x.toExponential(1) : String(Number(x.toPrecision(4))))
export const count = (n: number): string => n.toLocaleString('en-US')

function left(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '0s'
  const s = Math.round(seconds)
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`
  return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
}
