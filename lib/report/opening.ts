/** The lines that are printed when a run starts. */
import { count, formatBytes, plural } from '../base/words.js'
import type { RunStart } from './reporter.js'

/** What is trained and where; then how much memory the replay buffer will take. */
export function openingLines(run: RunStart): string[] {
  const { algorithm, task, taskOptions, seed, device, budget, steps } = run
  const what = [task, ...taskOptions].join(', ')
  const range = steps > 0 ? `from ${count(steps)} to ${plural(budget, 'step')}` : plural(budget, 'step')
  return [
    `${algorithm} on ${what}, seed ${seed}, ${range}, on ${device}, in ${run.run}`,
    ...bufferLines(run),
    ...correctionLines(run),
  ]
}

function correctionLines({ settings }: RunStart): string[] {
  const episodes = settings['correctionEpisodes']
  return typeof episodes === 'number' && episodes > 1
    ? [`After the last step, up to ${plural(episodes, 'episode')} without noise correct the commands.`]
    : []
}

function bufferLines({ fullBufferBytes, bufferPer, settings, budget, maxEpisodeSteps }: RunStart): string[] {
  const capacity = settings['bufferSize']
  if (fullBufferBytes === 0 || typeof capacity !== 'number') return []
  const bytes = (entries: number): number => (fullBufferBytes / capacity) * entries
  // How many episodes the budget is enough for depends on their length.
  const least = Math.min(capacity, bufferPer === 'step' ? budget : Math.ceil(budget / maxEpisodeSteps))
  const most = Math.min(capacity, budget)
  const size = (entries: number): string => `${formatBytes(bytes(entries))} for ${plural(entries, bufferPer)}`
  const limit = `if every episode reaches the time limit of ${plural(maxEpisodeSteps, 'step')}`
  const lines = [
    least === most
      ? `The replay buffer grows to ${size(most)}.`
      : `The replay buffer grows to ${size(least)} ${limit}, and to at most ${size(most)} if they are shorter.`,
  ]
  const available = process.availableMemory()
  if (bytes(least) > available) {
    const smaller = Math.max(1, Math.floor((capacity * available) / fullBufferBytes / 2))
    lines.push(
      `Warning: only ${formatBytes(available)} are free now. For a smaller buffer: --set bufferSize=${smaller}`,
    )
  }
  return lines
}
