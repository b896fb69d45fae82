/** The progress of downloads as a person sees it: how much of what, how fast, how much longer. */
import { formatBytes, formatDuration } from '../base/words.js'

export interface TransferLines {
  /** `bytes` of `what` are here, of `total` where that is known. */
  progress(what: string, bytes: number, total: number | undefined): void
  /** Ends the line that is being rewritten. */
  end(): void
}

const often = 200 // milliseconds, on a terminal
const rarely = 10_000 // where each line stays, as in a log

/** One line on a terminal, which is rewritten; elsewhere a line now and then. */
export function transferLines(stream: NodeJS.WriteStream, now = (): number => performance.now()): TransferLines {
  let current = ''
  let start = { time: 0, bytes: 0 }
  let shown = -Infinity
  let open = false
  const end = (): void => {
    if (open) stream.write('\n')
    open = false
    current = ''
  }
  return {
    end,
    progress(what, bytes, total) {
      const time = now()
      if (what !== current) {
        end()
        current = what
        start = { time, bytes }
        shown = stream.isTTY ? -Infinity : time
      }
      if (time - shown < (stream.isTTY ? often : rarely)) return
      shown = time
      const text = line(what, bytes, total, ((bytes - start.bytes) / (time - start.time)) * 1000)
      stream.write(stream.isTTY ? `\r${text}\u001b[K` : `${text}\n`)
      open = stream.isTTY
    },
  }
}

/** @param rate in bytes per second */
function line(what: string, bytes: number, total: number | undefined, rate: number): string {
  const known = Number.isFinite(rate) && rate > 0
  return [
    `${what}: ${formatBytes(bytes)}${total === undefined ? '' : ` of ${formatBytes(total)}`}`,
    ...(known ? [`${formatBytes(rate)}/s`] : []),
    ...(known && total !== undefined && total > bytes ? [`${formatDuration((total - bytes) / rate)} left`] : []),
  ].join(', ')
}
