// Writes what documentation follows from the code: docs/settings.md. With --check it only compares, and fails where they differ.
import { readFileSync, writeFileSync } from 'node:fs'
import { settings, show } from '../dist/config.js'

const cell = (text) => text.replaceAll('|', '\\|')
const rows = Object.entries(settings).map(([name, s]) => `| \`${name}\` | ${s.default === undefined ? "the task's" : `\`${show(s.default).replaceAll('"', '')}\``} | ${cell(s.range)} | ${cell(s.help)} | ${cell(s.source)} |`)
const text = `# Settings

Each is declared once, in [lib/config.ts](../lib/config.ts); this page is written by \`node scripts/docs.mjs\`. On the command line: \`--set name=value\`, lists as
\`policyHidden=256,256\`; in a program: \`startRun({ settings: { … } })\`. A run's settings as used stand in its \`config.json\`.

| setting | default | range | what | source |
|---|---|---|---|---|
${rows.join('\n')}
`
const page = new URL('../docs/settings.md', import.meta.url)
if (process.argv.includes('--check')) {
  if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/settings.md is not what lib/config.ts says. Write it again with: node scripts/docs.mjs')
    process.exitCode = 1
  }
} else writeFileSync(page, text)
