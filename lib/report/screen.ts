/** What a stream can show: colors, and how many columns. */
import { createColors } from 'picocolors'

type Colors = ReturnType<typeof createColors>

/** Colors on a terminal. NO_COLOR turns them off; FORCE_COLOR turns them on, also for a pipe. */
export function colorsOf(stream: NodeJS.WriteStream): Colors {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = process.env
  if (no || force === '0' || force === 'false') return createColors(false)
  return createColors(Boolean(force) || (stream.isTTY && term !== 'dumb'))
}

/** The columns of a terminal; a pipe has no limit. */
export const widthOf = (stream: NodeJS.WriteStream): number => (stream.isTTY ? stream.columns || 80 : Infinity)

/**
 * Breaks text at spaces into lines of at most `width` columns; the indent of the lines after the first is not counted.
 * A longer word gets a line of its own and is never cut.
 */
export function wrapped(text: string, width: number, indent = ''): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line === '' || line.length + 1 + word.length <= width)
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
    else lines.push(word)
  }
  return lines.join(`\n${indent}`)
}
