import { colorsOf, widthOf, wrapped } from '../report/screen.js'

/** Columns of text, numbers to the right. Where they do not fit beside each other, a paragraph for each row. */
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

/** The first column, then what the others say. */
function paragraph(
  head: readonly string[],
  row: readonly string[],
  screen: number,
  strong: (text: string) => string,
): string {
  const rest = head.map((title, i) => `${title} ${row[i]}`).filter((_, i) => i > 0 && row[i] !== '')
  return `${strong(row[0]!)}\n  ${wrapped(rest.join(', '), screen - 2, '  ')}`
}
