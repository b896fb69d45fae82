/** gogepo report <run or study>: one HTML file with everything about it. */
import { Command } from 'commander'
import { join } from 'node:path'
import { requireWritable, writeWhole } from '../base/files.js'
import { formatBytes } from '../base/words.js'
import { runPage } from '../page/run-page.js'
import { studyPage } from '../page/study-page.js'
import { StudyFolder } from '../study/folder.js'
import { examples } from './help.js'
import { deviceOption, jsonOption, outputs, pythonOption, threadsOption, warnOfThreads } from './options.js'

interface ReportFlags {
  out?: string
  device?: string
  threads?: number
  python?: string
  json?: boolean
}

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'Write a report of a run or a study: one HTML file that needs no network, with curves, commands and returns, losses, a sweep, settings, time and versions.',
    )
    .argument('<run>', 'the folder of a run or of a study')
    .option('--out <file>', 'where to write it; an existing file is replaced (default: report.html in that folder)')
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(pythonOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo report runs/Swimmer-v5-s1-1', 'gogepo report runs/quick --out quick.html'))
    .action(async (path: string, { out = join(path, 'report.html'), json, ...compute }: ReportFlags) => {
      warnOfThreads(outputs(json).people, compute)
      requireWritable(out)
      const page = StudyFolder.is(path) ? await studyPage(StudyFolder.open(path)) : await runPage(path, compute)
      const bytes = Buffer.from(page)
      writeWhole(out, [bytes])
      outputs(json).result({ report: out, bytes: bytes.length }, `${out} (${formatBytes(bytes.length)})`)
    })
}
