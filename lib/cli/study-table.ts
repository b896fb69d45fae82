/** Progress of a study for people: a live table on a terminal, one line per event when piped. */
import { availableCpus } from '../base/cpus.js'
import { formatDuration, plural, short } from '../base/words.js'
import { colorsOf, widthOf } from '../report/screen.js'
import type { StudyEvent } from '../study/execute.js'
import type { StudyFolder } from '../study/folder.js'
import type { PlannedRun } from '../study/plan.js'
import { table } from './table.js'

const redraw = 250 // milliseconds between live tables
const mostRows = 20 // groups in the live table

interface Progress {
  state: 'pending' | 'running' | 'finished' | 'failed' | 'interrupted'
  steps: number
  /** Steps of the run before this process trained it. */
  from: number
  /** Wall time of this process on it so far. */
  since: number
  seconds: number
  mean?: number
}

export class StudyTable {
  private readonly progress = new Map<string, Progress>()
  private readonly colors: ReturnType<typeof colorsOf>
  private drawn = 0 // lines of the live table
  private shownAt = -Infinity

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly folder: StudyFolder,
  ) {
    this.colors = colorsOf(out)
    for (const run of folder.runs()) {
      const { state, steps } = folder.statusOf(run)
      this.progress.set(run.name, {
        state: state === 'finished' ? 'finished' : 'pending',
        steps,
        from: steps,
        since: 0,
        seconds: 0,
      })
    }
    const left = [...this.progress.values()].filter(({ state }) => state !== 'finished').length
    out.write(`${folder.plan.name}: ${plural(this.progress.size, 'run')}, ${left} to do, in ${folder.path}\n`)
  }

  event(event: StudyEvent): void {
    const run = this.progress.get(event.run.name)!
    const now = performance.now()
    switch (event.type) {
      case 'started':
        Object.assign(run, { state: 'running', steps: event.steps, from: event.steps, since: now })
        this.say(`${event.run.name}: ${event.resumed ? `resumed at ${plural(event.steps, 'step')}` : 'started'}`)
        break
      case 'progress':
        Object.assign(run, { steps: event.steps, seconds: (now - run.since) / 1000 })
        break
      case 'evaluated':
        run.mean = event.mean
        break
      case 'waiting':
        this.say(`${event.run.name}: waiting for another process that trains it`)
        break
      case 'finished':
        Object.assign(run, { state: 'finished', steps: event.steps, seconds: (now - run.since) / 1000 })
        this.say(
          `${event.run.name}: finished at ${plural(event.steps, 'step')}${event.mean === null ? '' : `, last evaluation ${short(event.mean)}`}; ${this.left()}`,
        )
        break
      case 'interrupted':
        Object.assign(run, { state: 'interrupted', steps: event.steps })
        this.say(`${event.run.name}: interrupted and saved at ${plural(event.steps, 'step')}`)
        break
      case 'failed':
        run.state = 'failed'
        this.say(this.colors.yellow(`${event.run.name}: failed, ${event.code}: ${event.message}`))
    }
    if (this.out.isTTY && now - this.shownAt >= redraw) this.draw()
  }

  close(): void {
    if (this.out.isTTY) this.draw()
    this.drawn = 0
  }

  /** Prints a line that stays: a single one, also of a message that quotes several. */
  private say(text: string): void {
    this.erase()
    this.out.write(`${text.replaceAll(/\s*\n\s*/g, ' ')}\n`)
    if (this.out.isTTY) this.draw()
  }

  private erase(): void {
    if (this.drawn > 0) this.out.write(`\x1b[${this.drawn}A\x1b[J`)
    this.drawn = 0
  }

  private draw(): void {
    this.shownAt = performance.now()
    this.erase()
    const width = widthOf(this.out) - 1
    const lines = [...this.rows(width).split('\n'), this.left()].map((line) => cut(line, width))
    this.out.write(`${lines.join('\n')}\n`)
    this.drawn = lines.length
  }

  private rows(width: number): string {
    const groups = new Map<string, PlannedRun[]>()
    for (const run of this.folder.runs()) groups.set(groupName(run), [...(groups.get(groupName(run)) ?? []), run])
    const rows = [...groups.values()].map((runs) => {
      const all = runs.map(({ name }) => this.progress.get(name)!)
      const of = (state: Progress['state']): number => all.filter((one) => one.state === state).length
      const done = all.reduce(
        (sum, { steps, state }, i) => sum + (state === 'finished' ? 1 : Math.min(1, steps / runs[i]!.task.steps)),
        0,
      )
      const means = all.flatMap(({ mean }) => (mean === undefined ? [] : [mean]))
      const { task, variant } = runs[0]!
      return [
        task.name,
        variant.name,
        `${of('finished')}/${all.length}${of('failed') > 0 ? `, ${of('failed')} failed` : ''}`,
        String(of('running')),
        `${Math.floor((100 * done) / all.length)}%`,
        means.length === 0 ? '' : short(means.reduce((sum, x) => sum + x, 0) / means.length),
      ]
    })
    const shown = rows.slice(0, mostRows)
    const more = rows.length > shown.length ? `\n… and ${rows.length - shown.length} more` : ''
    return `${table(['task', 'variant', 'finished', 'running', 'trained', 'last mean'], shown, width)}${more}`
  }

  /** 3 of 12 runs finished, 2 running, 5m 10s left */
  private left(): string {
    const all = [...this.progress.values()]
    const of = (state: Progress['state']): number => all.filter((one) => one.state === state).length
    const time = this.timeLeft()
    const failed = of('failed') > 0 ? `, ${of('failed')} failed` : ''
    return `${of('finished')} of ${plural(all.length, 'run')} finished, ${of('running')} running${failed}${time === undefined ? '' : `, about ${formatDuration(time)} left`}`
  }

  /** In seconds, from the rates of this process’s runs: a group without one is taken to be as fast as the others. */
  private timeLeft(): number | undefined {
    const runs = this.folder.runs().map((run) => ({ run, ...this.progress.get(run.name)! }))
    const measured = runs.filter(({ seconds, steps, from }) => seconds > 0 && steps > from)
    if (measured.length === 0) return undefined
    const secondsPerStep = (of: typeof measured): number =>
      of.reduce((sum, { seconds }) => sum + seconds, 0) / of.reduce((sum, { steps, from }) => sum + steps - from, 0)
    const todo = runs.filter(({ state }) => state === 'pending' || state === 'running')
    const each = todo.map(({ run, steps }) => {
      const own = measured.filter((one) => groupName(one.run) === groupName(run))
      return Math.max(0, run.task.steps - steps) * secondsPerStep(own.length > 0 ? own : measured)
    })
    const running = Math.max(1, runs.filter(({ state }) => state === 'running').length)
    const jobs = todo.length > running ? Math.max(running, Math.min(availableCpus(), todo.length)) : running
    return Math.max(0, ...each, each.reduce((sum, x) => sum + x, 0) / jobs)
  }
}

const groupName = ({ task, variant }: PlannedRun): string => JSON.stringify([task.name, variant.name])

/** A line that fits; what colors it does not count. */
function cut(line: string, width: number): string {
  return line.replaceAll(/\x1b\[\d+m/g, '').length <= width ? line : line.replaceAll(/\x1b\[\d+m/g, '').slice(0, width)
}
