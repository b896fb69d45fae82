/** Tables for people. */
import { colorsOf, widthOf, wrapped } from '../report/screen.js'

/** Right-aligned columns. If they do not fit on the screen, a paragraph for each row instead. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  screen = widthOf(process.stdout),
): string {
  const colors = colorsOf(process.stdout)
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const gap = [3, 2].find((n) => widths.reduce((sum, width) => sum + width, n * (widths.length - 1)) <= screen)
  if (gap === undefined) return rows.map((row) => paragraph(head, row, screen, colors.bold)).join('\n')
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padStart(widths[i]!)).join(' '.repeat(gap))
  return [colors.dim(line(head)), ...rows.map(line)].join('\n')
}

/** The first cell as a heading, then the other cells with their titles. */
function paragraph(
  head: readonly string[],
  row: readonly string[],
  screen: number,
  strong: (text: string) => string,
): string {
  const whole = (text: string): string => (text.length < screen - 2 ? text.replaceAll(' ', '\u00a0') : text)
  const rest = head.map((title, i) => whole(`${title} ${row[i]}`)).filter((_, i) => i > 0 && row[i] !== '')
  return `${strong(row[0]!)}\n  ${wrapped(rest.join(', '), screen - 2, '  ').replaceAll('\u00a0', ' ')}`
}

/** Terms with their descriptions next to them; below them, if the terms would take more than half of the screen. */
export function definitions(rows: readonly (readonly [term: string, description: string])[], screen: number): string {
  const width = Math.max(...rows.map(([term]) => term.length))
  const beside = width <= screen / 2
  const indent = ' '.repeat(beside ? width + 4 : 6)
  return rows
    .map(([term, text]) => {
      const title = beside ? `  ${term.padEnd(width)}  ` : `  ${term}\n${indent}`
      return title + wrapped(text, screen - indent.length, indent)
    })
    .join('\n')
}
