/** Draws a figure: a specification of Vega-Lite becomes SVG, and SVG becomes PNG. */
import type * as Vega from 'vega'
import type * as VegaLite from 'vega-lite'
import { GogepoError } from '../base/errors.js'
import { configOf, type Theme } from './theme.js'

/** A specification of Vega-Lite, without its look. */
export type Figure = Readonly<Record<string, unknown>> & {
  /** What it shows, for people who cannot see it. */
  readonly description: string
}

/** Variables, so that a bundler which includes gogepo gets as far as ERR_BUNDLED, which says what to do, instead of failing at these. */
const painters: readonly string[] = ['vega', 'vega-lite']
type Painters = [typeof Vega, typeof VegaLite]

/** @returns an SVG document with a description for screen readers */
export async function svgOf(figure: Figure, theme: Theme): Promise<string> {
  const [{ parse, View, Warn }, { compile }] = (await Promise.all(painters.map((name) => import(name)))) as Painters
  const { spec } = compile({ ...figure, config: configOf(theme) } as unknown as Parameters<typeof compile>[0])
  const view = new View(parse(spec), { renderer: 'none', logLevel: Warn })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

const pixelsPerUnit = 2

/** An optional package: a variable, so that TypeScript does not ask for its types. */
const rasterizer: string = '@resvg/resvg-js'
interface Rasterizer {
  Resvg: new (svg: string, options: object) => { render(): { asPng(): Buffer } }
}

/** @throws GogepoError ERR_PACKAGE when what draws pixels is not installed */
export async function pngOf(svg: string): Promise<Buffer> {
  let resvg: Rasterizer
  try {
    resvg = (await import(rasterizer)) as Rasterizer
  } catch (error) {
    throw new GogepoError(
      'ERR_PACKAGE',
      'PNG files need the package @resvg/resvg-js, which is not installed. Install it with: npm install @resvg/resvg-js@2.6.2, or write an SVG file.',
      { cause: error },
    )
  }
  const options = { fitTo: { mode: 'zoom', value: pixelsPerUnit }, font: { defaultFontFamily: 'DejaVu Sans' } }
  return new resvg.Resvg(svg, options).render().asPng()
}
