/** How figures look: on paper and on screens, light and dark, and for people who confuse colors. */

/** What a figure is drawn for. */
export type Theme = 'light' | 'dark'

interface Look {
  background: string
  ink: string
  quiet: string
  grid: string
  /** The palette of Okabe and Ito, which color-blind people can tell apart; on dark, its lighter colors come first. */
  series: readonly string[]
}

export const looks: Readonly<Record<Theme, Look>> = {
  light: {
    background: '#ffffff',
    ink: '#1f2328',
    quiet: '#59636e',
    grid: '#dfe3e8',
    series: ['#0072b2', '#d55e00', '#009e73', '#aa4499', '#8a6d00', '#56b4e9', '#000000'],
  },
  dark: {
    background: '#0d1117',
    ink: '#f0f6fc',
    quiet: '#9ea7b3',
    grid: '#2b3138',
    series: ['#56b4e9', '#e69f00', '#2fc79a', '#e58fc4', '#f0e442', '#8ab4ff', '#ffffff'],
  },
}

/** Series also differ in their dashes and marks: print has no color. */
export const dashes: readonly number[][] = [
  [1, 0],
  [7, 3],
  [2, 3],
  [9, 3, 2, 3],
  [4, 2],
  [12, 4],
  [1, 2],
]
export const marks: readonly string[] = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'stroke',
]

/** The dash or mark of series i. Where the colors begin again, the styles are shifted by one, so that no pair comes twice. */
export const styleOf = <T>(styles: readonly T[], i: number): T =>
  styles[(i + Math.floor(i / styles.length)) % styles.length]!

const font = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif'

/** The configuration of Vega-Lite for a theme. */
export function configOf(theme: Theme): Record<string, unknown> {
  const { background, ink, quiet, grid, series } = looks[theme]
  return {
    background,
    font,
    padding: 12,
    view: { stroke: null },
    title: {
      color: ink,
      fontSize: 13,
      fontWeight: 'normal',
      subtitleColor: quiet,
      subtitleFontSize: 12,
      anchor: 'start',
      frame: 'group',
      offset: 10,
    },
    axis: {
      labelColor: quiet,
      titleColor: ink,
      labelFontSize: 11,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      gridColor: grid,
      domainColor: quiet,
      tickColor: quiet,
    },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, symbolStrokeWidth: 2, symbolSize: 80 },
    header: { labelColor: ink, titleColor: ink, labelFontSize: 13, labelAnchor: 'start' },
    line: { strokeJoin: 'round' }, // the others' long corners would count as part of the panel, and push its title away
    range: { category: series },
    text: { color: ink },
  }
}
