/** Progress for people: one live line on a terminal, lines when piped. */
import { count, formatDuration, plural, short } from '../base/words.js'
import type { DivergedEvent, EpisodeEvent, EvaluationEvent, IterationEvent, TrainEvent } from '../train/events.js'
import { ExpectedTime } from './expected-time.js'
import { openingLines } from './opening.js'
import type { Reporter, RunStart } from './reporter.js'
import { colorsOf, widthOf } from './screen.js'

const redraw = 100 // milliseconds between live lines
const quiet = 1000 // and between piped ones
const rateWindow = 50 // episodes over which the rate is measured

/** A piece of a line, and how soon it is left out where there is little room: the highest goes first. */
type Piece = readonly [text: string, leaveOut: number]

export class TerminalReporter implements Reporter {
  private readonly colors: ReturnType<typeof colorsOf>
  private live = false
  private run: RunStart | undefined
  private readonly recent: { at: number; steps: number }[] = []
  private expected: ExpectedTime | undefined
  private shownAt = -Infinity
  private pending: EpisodeEvent | undefined
  private iteration: IterationEvent | undefined
  /** Phase times when they were last shown. */
  private phases: { episode: number; secondsBy: Readonly<Record<string, number>> } | undefined

  /** @param verbose also how long each phase takes */
  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly verbose = false,
  ) {
    this.colors = colorsOf(out)
  }

  start(run: RunStart): void {
    this.run = run
    this.expected = new ExpectedTime()
    this.live = this.out.isTTY && !this.verbose // two moving lines would flicker
    this.recent.push({ at: performance.now(), steps: run.steps })
    for (const line of openingLines(run)) this.out.write(`${line}\n`)
  }

  event(event: TrainEvent): void {
    switch (event.type) {
      case 'evaluation':
        this.flush()
        return this.print(this.colors.green(describeEvaluation(event)))
      case 'diverged':
        this.flush()
        return this.print(this.colors.yellow(describeDiverged(event)))
      case 'iteration':
        this.iteration = event
        if (this.due()) this.flush()
        return
      case 'episode':
        this.recent.push({ at: performance.now(), steps: event.steps })
        if (this.recent.length > rateWindow) this.recent.shift()
        this.phases ??= { episode: event.episode - 1, secondsBy: {} }
        this.pending = event
        this.sayExpectedTime(event.steps)
    }
  }

  end(): void {
    this.flush()
    if (this.live) this.out.write('\n')
  }

  private sayExpectedTime(steps: number): void {
    const { budget, steps: before } = this.run!
    const sentence = this.expected!.after(steps - before, budget - steps)
    if (sentence !== undefined) this.print(sentence)
  }

  private due(): boolean {
    return performance.now() - this.shownAt >= (this.live ? redraw : quiet)
  }

  private flush(): void {
    if (this.pending === undefined) return
    const event = this.pending
    this.pending = undefined
    this.shownAt = performance.now()
    const text = fitting(this.pieces(event), widthOf(this.out) - 1)
    this.out.write(this.live ? `\r\x1b[2K${text}` : `${text}\n`)
    if (this.verbose) this.print(this.colors.dim(this.phaseTimes(event.episode, { ...this.run!.secondsBy() })))
  }

  private print(text: string): void {
    this.out.write(this.live ? `\r\x1b[2K${text}\n` : `${text}\n`)
  }

  private pieces(e: EpisodeEvent): Piece[] {
    const { budget } = this.run!
    const first = this.recent[0]!
    const rate = (e.steps - first.steps) / ((performance.now() - first.at) / 1000)
    const metrics = Object.entries(this.iteration?.metrics ?? {}).flatMap(([name, value]): Piece[] =>
      value === null ? [] : [[`${name} ${short(value)}`, 5]],
    )
    return [
      [`${count(e.steps)}/${plural(budget, 'step')}`, 0],
      [`${Math.min(100, Math.floor((100 * e.steps) / budget))}%`, 3],
      [`episode ${count(e.episode)}`, 3],
      ...(e.command === undefined ? [] : [[`commanded ${short(e.command)}`, 1] as const]),
      [`achieved ${short(e.return)}`, 1],
      [`best ${short(e.best)}`, 2],
      ...metrics,
      [`${count(Math.round(rate))} steps/s`, 4],
      [`${formatDuration(Math.max(0, budget - e.steps) / rate)} left`, 1],
    ]
  }

  private phaseTimes(episode: number, secondsBy: Readonly<Record<string, number>>): string {
    const before = this.phases!
    const episodes = Math.max(1, episode - before.episode)
    const times = Object.entries(secondsBy).map(
      ([phase, seconds]) => `${phase} ${short(((seconds - (before.secondsBy[phase] ?? 0)) / episodes) * 1000)}`,
    )
    this.phases = { episode, secondsBy }
    return `  ms per episode: ${times.join(', ')}`
  }
}

function fitting(pieces: readonly Piece[], width: number): string {
  for (let most = 5; ; most--) {
    const text = pieces
      .filter(([, leaveOut]) => leaveOut <= most)
      .map(([piece]) => piece)
      .join('  ')
    if (text.length <= width || most === 0) return text.slice(0, width)
  }
}

/** In the units of the command, with the full reward next to it where that differs. */
export function describeEvaluation(e: EvaluationEvent): string {
  const achieved = `achieved ${short(e.achievedMean)} ± ${short(e.achievedStd)}`
  const full = e.mean === e.achievedMean ? [] : [`full reward ${short(e.mean)} ± ${short(e.std)}`]
  const predicted = e.predicted === undefined ? [] : [`critic predicted ${short(e.predicted)}`]
  const more = [...full, ...predicted]
  return `evaluation at ${plural(e.steps, 'step')}: ${e.command === undefined ? '' : `commanded ${short(e.command)}, `}${achieved}${more.length > 0 ? ` (${more.join('; ')})` : ''}`
}

export const describeDiverged = ({ attempt, reason = 'NaN or infinity' }: DivergedEvent): string =>
  `episode ${count(attempt)} diverged (${reason}) and is not stored`
