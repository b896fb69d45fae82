/** Progress for people: one live line on a terminal, lines when piped. */
import type { EpisodeEvent, TrainEvent } from './reporter.js'
import { colorsOf, widthOf } from './screen.js'

const redraw = 100 // milliseconds between live lines
const quiet = 1000 // and between piped ones

type SecondsBy = Readonly<Record<string, number>>

export class TerminalReporter {
  private readonly live: boolean
  private readonly colors: ReturnType<typeof colorsOf>
  private readonly recent: { at: number; steps: number }[] = []
  private shownAt = -Infinity
  private pending: EpisodeEvent | undefined
  /** Where the phases stood when they were last told. */
  private told: { episode: number; secondsBy: SecondsBy } | undefined

  /**
   * @param budget steps in all
   * @param stepsBefore those of earlier sittings
   * @param secondsBy what each kind of work has taken so far, where that is to be told
   */
  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly budget: number,
    stepsBefore = 0,
    private readonly secondsBy?: () => SecondsBy,
  ) {
    this.live = out.isTTY && !secondsBy // two lines that move are unquiet
    this.colors = colorsOf(out)
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
    this.told ??= { episode: event.episode - 1, secondsBy: {} }
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
    const event = this.pending
    this.pending = undefined
    this.shownAt = performance.now()
    const text = fitting(this.parts(event), widthOf(this.out) - 1)
    this.out.write(this.live ? `\r\x1b[2K${text}` : `${text}\n`)
    if (this.secondsBy) this.print(this.colors.dim(this.phaseTimes(event.episode, { ...this.secondsBy() })))
  }

  private print(text: string): void {
    this.out.write(this.live ? `\r\x1b[2K${text}\n` : `${text}\n`)
  }

  /** What is told of an episode, and how soon it is left out where there is little room: the highest goes first. */
  private parts(e: EpisodeEvent): [text: string, leaveOut: number][] {
    const first = this.recent[0]!
    const rate = (e.steps - first.steps) / ((performance.now() - first.at) / 1000)
    return [
      [`${count(e.steps)}/${count(this.budget)} steps`, 0],
      [`episode ${e.episode}`, 3],
      [`asked ${short(e.command)}`, 1],
      [`got ${short(e.return)}`, 1],
      [`best ${short(e.best)}`, 2],
      ...(e.criticLoss === null || e.generatorLoss === null
        ? []
        : ([[`losses ${short(e.criticLoss)} ${short(e.generatorLoss)}`, 5]] as [string, number][])),
      [`${count(Math.round(rate))} steps/s`, 4],
      [`${left((this.budget - e.steps) / rate)} left`, 1],
    ]
  }

  private phaseTimes(episode: number, secondsBy: SecondsBy): string {
    const { told } = this
    const episodes = episode - told!.episode
    const times = Object.entries(secondsBy).map(
      ([phase, seconds]) => `${phase} ${short(((seconds - (told!.secondsBy[phase] ?? 0)) / episodes) * 1000)}`,
    )
    this.told = { episode, secondsBy }
    return `  ms an episode: ${times.join(', ')}`
  }
}

function fitting(parts: readonly [text: string, leaveOut: number][], width: number): string {
  for (let most = 5; ; most--) {
    const text = parts
      .filter(([, leaveOut]) => leaveOut <= most)
      .map(([part]) => part)
      .join('  ')
    if (text.length <= width || most === 0) return text.slice(0, width)
  }
}

/** Four digits at most, as a person would write them. */
export const short = (x: number): string =>
  Math.abs(x) >= 100_000 || (x !== 0 && Math.abs(x) < 0.01) ? x.toExponential(1) : String(Number(x.toPrecision(4)))
export const count = (n: number): string => n.toLocaleString('en-US')

function left(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '0s'
  const s = Math.round(seconds)
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`
  return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
}
