/** How long training will take, measured over its first episodes. */
import { count, formatDuration, plural } from '../base/words.js'

const leastSeconds = 5
const leastEpisodes = 3
/** Shorter trainings need no estimate. */
const worthIt = 30 // seconds

export class ExpectedTime {
  private readonly started = performance.now()
  private said = false
  private episodes = 0

  /** A sentence, once enough has been measured; otherwise, and after that, nothing. */
  after(trained: number, remaining: number): string | undefined {
    this.episodes += 1
    const seconds = (performance.now() - this.started) / 1000
    if (this.said || this.episodes < leastEpisodes || seconds < leastSeconds || trained <= 0) return undefined
    this.said = true
    const left = (remaining / trained) * seconds
    if (left < worthIt) return undefined
    return `Expected training time: about ${formatDuration(left + seconds)}, at the ${count(Math.round(trained / seconds))} steps/s of the first ${plural(this.episodes, 'episode')}.`
  }
}
