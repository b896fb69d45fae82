/** A page that stands alone: one HTML file without scripts and without the network. */
import { svgOf, type Figure } from '../figure/draw.js'

/** HTML, in which all text is escaped. */
export type Html = string

export const escaped = (text: string): Html =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

type Cell = string | number | null

/** A table with a caption; cells with numbers are aligned to the right. */
export function tableOf(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  const cell = (value: Cell, i: number): Html => {
    const tag = i === 0 ? 'th scope="row"' : typeof value === 'number' ? 'td class="number"' : 'td'
    return `<${tag}>${escaped(value === null ? '–' : String(value))}</${tag.split(' ')[0]}>`
  }
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escaped(caption)}"><table>
<caption>${escaped(caption)}</caption>
<thead><tr>${head.map((title) => `<th scope="col">${escaped(title)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table></div>`
}

/** A table that opens on demand. */
export const folded = (summary: string, content: Html): Html =>
  `<details><summary>${escaped(summary)}</summary>\n${content}\n</details>`

/**
 * A figure for light and dark pages, with its numbers as a table below it.
 * @param inDark the figure for dark pages, where it has colors of its own
 */
export async function figureOf(caption: string, figure: Figure, numbers: Html, inDark = figure): Promise<Html> {
  const [light, dark] = await Promise.all([svgOf(figure, 'light'), svgOf(inDark, 'dark')])
  const data = (svg: string): string => `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
  return `<figure>
<picture><source media="print" srcset="${data(light)}"><source media="(prefers-color-scheme: dark)" srcset="${data(dark)}"><img src="${data(light)}" alt="${escaped(figure.description)}"></picture>
<figcaption>${escaped(caption)}</figcaption>
${numbers}
</figure>`
}

export interface Section {
  title: string
  content: Html
}

const idOf = (title: string): string => title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

export function pageOf(title: string, lead: string, sections: readonly Section[]): Html {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><h1>${escaped(title)}</h1><p>${escaped(lead)}</p></header>
<nav aria-label="Sections"><ul>${sections.map(({ title: name }) => `<li><a href="#${idOf(name)}">${escaped(name)}</a></li>`).join('')}</ul></nav>
<main id="content">
${sections.map(({ title: name, content }) => `<section aria-labelledby="${idOf(name)}"><h2 id="${idOf(name)}">${escaped(name)}</h2>\n${content}\n</section>`).join('\n')}
</main>
</body>
</html>
`
}

const style = `
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --back: #fff; --soft: #f6f8fa; --link: #0550ae }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f6fc; --quiet: #9ea7b3; --line: #30363d; --back: #0d1117; --soft: #151b23; --link: #79b8ff } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 1.2rem; color: var(--ink); background: var(--back); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem }
header p { color: var(--quiet); margin: 0 } a { color: var(--link) }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.skip { position: absolute; left: -100rem } .skip:focus { left: 1rem; top: .5rem; background: var(--back); padding: .4rem }
nav ul { list-style: none; padding: 0; margin: 1rem 0 0; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem }
figure { margin: 1.2rem 0; } figure img { display: block; max-width: 100%; height: auto }
figcaption { color: var(--quiet); font-size: .9rem; margin: .2rem 0 .4rem }
.scroll { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0 1rem } caption { text-align: left; color: var(--quiet); padding: .2rem 0 }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word }
th[scope=row] { font-weight: 600; min-width: 7rem } thead th { color: var(--quiet); font-weight: 600 } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
details { margin: .4rem 0 } summary { cursor: pointer; color: var(--link) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem; padding: 0; margin: .8rem 0 0 }
.cards div { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem }
.cards dt { color: var(--quiet); font-size: .85rem } .cards dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums }
@media print { :root { --ink: #000; --quiet: #444; --line: #bbb; --back: #fff; --soft: #fff; --link: #000 } nav, .skip { display: none } body { max-width: none; padding: 0; font-size: 11pt } figure, .cards div, tr { break-inside: avoid } .scroll { overflow: visible } }
`

/** Numbers at a glance. */
export const cards = (entries: readonly (readonly [name: string, value: string])[]): Html =>
  `<dl class="cards">${entries.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('')}</dl>`
