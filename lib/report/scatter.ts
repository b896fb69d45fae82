/** A scatter plot as SVG: points with error bars, and the line on which y is x. It suits light and dark pages. */

export interface ScatterPoint {
  x: number
  y: number
  /** Half the height of the error bar. */
  spread: number
}

export interface ScatterTexts {
  title: string
  /** Below the title. */
  subtitle: string
  x: string
  y: string
}

const [width, height] = [560, 480]
const frame = { left: 76, right: width - 20, top: 62, bottom: height - 56 }
const style = `
  svg { background: #fff; color: #1f2328; font: 13px system-ui, sans-serif }
  text { fill: currentColor }
  .title { font-size: 15px; font-weight: 600 }
  .quiet { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .identity { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .bar { stroke: #0969da; stroke-width: 1.5; opacity: .45 }
  .point { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; color: #f0f6fc }
    .quiet { fill: #9198a1 }
    .grid { stroke: #30363d }
    .identity { stroke: #9198a1 }
    .bar { stroke: #4493f8 }
    .point { fill: #4493f8 }
  }`

/** @param points at least one */
export function scatterPlot(points: readonly ScatterPoint[], texts: ScatterTexts): string {
  const xs = points.map(({ x }) => x)
  const ys = [...xs, ...points.flatMap(({ y, spread }) => [y - spread, y + spread])]
  const x = axis(xs, frame.left, frame.right)
  const y = axis(ys, frame.bottom, frame.top)
  const line = (kind: string, x1: number, y1: number, x2: number, y2: number): string =>
    `<line class="${kind}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`
  const text = (content: string, x: number, y: number, rest: string): string =>
    `<text x="${at(x)}" y="${at(y)}" ${rest}>${escaped(content)}</text>`
  const middle = (frame.top + frame.bottom) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(texts.title)}</title>`,
    `<style>${style}\n</style>`,
    text(texts.title, 16, 26, 'class="title"'),
    text(texts.subtitle, 16, 46, 'class="quiet"'),
    ...x.ticks.flatMap((tick) => [
      line('grid', x.place(tick), frame.top, x.place(tick), frame.bottom),
      text(label(tick, x.step), x.place(tick), frame.bottom + 20, 'text-anchor="middle" class="quiet"'),
    ]),
    ...y.ticks.flatMap((tick) => [
      line('grid', frame.left, y.place(tick), frame.right, y.place(tick)),
      text(label(tick, y.step), frame.left - 8, y.place(tick) + 4, 'text-anchor="end" class="quiet"'),
    ]),
    text(texts.x, (frame.left + frame.right) / 2, height - 14, 'text-anchor="middle"'),
    text(texts.y, 16, middle, `text-anchor="middle" transform="rotate(-90 16 ${at(middle)})"`),
    line('identity', x.place(x.low), y.place(x.low), x.place(x.high), y.place(x.high)),
    ...points.map((p) => line('bar', x.place(p.x), y.place(p.y - p.spread), x.place(p.x), y.place(p.y + p.spread))),
    ...points.map((p) => `<circle class="point" cx="${at(x.place(p.x))}" cy="${at(y.place(p.y))}" r="4"/>`),
    '</svg>\n',
  ].join('\n')
}

/** A scale from values to pixels, a little wider than the values, and its ticks at round values. */
function axis(values: readonly number[], from: number, to: number) {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const span = high - low || Math.abs(high) || 1
  const [start, end] = [low - 0.04 * span, high + 0.04 * span]
  const rough = (end - start) / 6
  const unit = 10 ** Math.floor(Math.log10(rough))
  const step = unit * [1, 2, 5, 10].find((factor) => unit * factor >= rough)!
  const ticks: number[] = []
  for (let k = Math.ceil(start / step); k * step <= end; k++) ticks.push(k * step)
  const place = (value: number): number => from + ((value - start) / (end - start)) * (to - from)
  return { low, high, ticks, step, place }
}

/** With as many decimals as the step between ticks has. */
function label(tick: number, step: number): string {
  if (Math.abs(tick) >= 1e6 || step < 1e-4) return String(Number(tick.toPrecision(6)))
  return tick.toFixed(Math.max(0, -Math.floor(Math.log10(step)))).replace(/^-(0(\.0*)?)$/, '$1')
}

const at = (pixels: number): string => String(Math.round(pixels * 10) / 10)
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
