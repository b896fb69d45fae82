// Writes what documentation follows from the code: docs/settings.md, docs/errors.md. With --check it only compares, and fails where
// they differ.
import { readFileSync, writeFileSync } from 'node:fs'
import { presets, settings, show } from '../dist/config.js'
import { errorCodes } from '../dist/errors.js'

const cell = (text) => text.replaceAll('|', '\\|')
const settingRows = Object.entries(settings).map(
  ([name, s]) =>
    `| \`${name}\` | ${s.default === undefined ? "the task's" : `\`${show(s.default).replaceAll('"', '')}\``} | ${cell(s.range)} | ${cell(s.help)} | ${cell(s.source)} |`,
)
const presetRows = Object.entries(presets).map(
  ([name, chosen]) =>
    `| \`${name}\` | ${
      Object.entries(chosen)
        .map(([setting, value]) => `\`${setting}=${show(value)}\``)
        .join(', ') || 'the defaults above'
    } |`,
)
const errorRows = Object.entries(errorCodes).map(([code, e]) => `| \`${code}\` | ${cell(e.when)} | ${cell(e.then)} |`)

const pages = {
  settings: {
    from: 'lib/config.ts',
    text: `# Settings

Each is declared once, in [lib/config.ts](../lib/config.ts); this page is written by \`node scripts/docs.mjs\`. On the command line: \`--set name=value\`, lists as
\`policyHidden=256,256\`; in a program: \`train({ settings: { … } })\`. A run's settings as used stand in its \`config.json\`.

| setting | default | range | what | source |
|---|---|---|---|---|
${settingRows.join('\n')}

## Presets

\`--preset name\`, in a program \`startRun({ preset })\`: a named choice of settings. What is given besides goes before it; a run's \`config.json\` tells its preset.

| preset | settings |
|---|---|
${presetRows.join('\n')}

\`throughput\` is another method than the paper's: policies run side by side on all cores and share fewer updates, each with a longer stride: a step costs less time and, at times, teaches less.
What that gives: [bench/RESULTS.md](../bench/RESULTS.md#the-preset-throughput).
`,
  },
  errors: {
    from: 'lib/errors.ts',
    text: `# Errors

What goes wrong is a \`GogepoError\` with a stable \`code\` and a \`message\` for people: what was expected, what came, what to do. On the command line the message goes to standard
error; with \`--json\` the last line of standard output is \`{"error": {"code", "message"}}\`. Each code is declared once, in [lib/errors.ts](../lib/errors.ts); this page is written by
\`node scripts/docs.mjs\`.

| code | when | what to do |
|---|---|---|
${errorRows.join('\n')}
`,
  },
}

for (const [name, { from, text }] of Object.entries(pages)) {
  const page = new URL(`../docs/${name}.md`, import.meta.url)
  if (!process.argv.includes('--check')) writeFileSync(page, text)
  else if (readFileSync(page, 'utf8') !== text) {
    console.error(`docs/${name}.md is not what ${from} says. Write it again with: node scripts/docs.mjs`)
    process.exitCode = 1
  }
}
