/** The lines that are printed when a run starts. */
import { count, formatBytes } from '../base/words.js'
import type { RunStart } from './reporter.js'

/** What is trained and where; then how much memory the replay buffer will take. */
export function openingLines(run: RunStart): string[] {
  const { algorithm, task, taskOptions, seed, device, budget, steps } = run
  const what = [task, ...taskOptions].join(', ')
  const range = steps > 0 ? `from ${count(steps)} to ${count(budget)} steps` : `${count(budget)} steps`
  return [`${algorithm} on ${what}, seed ${seed}, ${range}, on ${device}, in ${run.run}`, ...bufferLines(run)]
}

function bufferLines({ fullBufferBytes, settings }: RunStart): string[] {
  if (fullBufferBytes === 0) return []
  const capacity = settings['bufferSize']
  const size = typeof capacity === 'number' ? ` of ${count(capacity)} entries` : ''
  const available = process.availableMemory()
  const lines = [
    `The replay buffer${size} takes ${formatBytes(fullBufferBytes)} once it is full; it grows as it fills.`,
  ]
  if (fullBufferBytes > available && typeof capacity === 'number') {
    const smaller = Math.max(1, Math.floor((capacity * available) / fullBufferBytes / 2))
    lines.push(
      `Warning: only ${formatBytes(available)} are free now. For a smaller buffer: --set bufferSize=${smaller}`,
    )
  }
  return lines
}
