/** What may be drawn on a stream: colours, a live line, how wide. */
import { createColors } from 'picocolors'

type Colors = ReturnType<typeof createColors>

/** Colours for a terminal; NO_COLOR takes them away, FORCE_COLOR gives them to a pipe. */
export function colorsOf(stream: NodeJS.WriteStream): Colors {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = process.env
  if (no || force === '0' || force === 'false') return createColors(false)
  return createColors(Boolean(force) || (stream.isTTY && term !== 'dumb'))
}

/** Columns of a terminal. A pipe has no width: what reads it decides. */
export const widthOf = (stream: NodeJS.WriteStream): number => (stream.isTTY ? stream.columns || 80 : Infinity)

/** Broken at spaces into lines of at most `width`, those after the first indented. */
export function wrapped(text: string, width: number, indent = ''): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line === '' || line.length + 1 + word.length <= width)
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
    else lines.push(indent + word)
  }
  return lines.join('\n')
}
