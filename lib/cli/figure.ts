/** gogepo figure <name> <folders…>: draws a figure from studies or runs. */
import { Argument, Command } from 'commander'
import { extname } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { writeWhole } from '../base/files.js'
import { word } from '../base/values.js'
import { plural } from '../base/words.js'
import { pngOf, svgOf } from '../figure/draw.js'
import { drawFigure, figures } from '../figure/figures.js'
import type { Theme } from '../figure/theme.js'
import { examples, section } from './help.js'
import { deviceOption, jsonOption, outputs, pythonOption, ValuedOption } from './options.js'

interface FigureFlags {
  out?: string
  theme: Theme
  task?: string
  variant?: string
  device?: string
  python?: string
  json?: boolean
}

export function figureCommand(): Command {
  const names = Object.keys(figures)
  return new Command('figure')
    .description('Draw a figure of the paper, or of your own study, from studies or runs.')
    .addArgument(new Argument('<name>', 'the figure').choices(names))
    .argument('<folders...>', 'folders of studies and runs, or folders that contain runs')
    .option('--out <file>', 'where to write it, .svg or .png; an existing file is replaced (default: <name>.svg)')
    .addOption(new ValuedOption('--theme <theme>', 'for light or dark pages', word('light', 'dark')).default('light'))
    .option('--task <name>', 'draw this task only')
    .option('--variant <name>', 'draw this variant only')
    .addOption(deviceOption())
    .addOption(pythonOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      section(
        'Figures:',
        Object.entries(figures).map(([name, { help }]) => [name, help]),
      ),
    )
    .addHelpText(
      'after',
      examples(
        'gogepo figure curves runs/quick',
        'gogepo figure achieved runs/Swimmer-v5-s1-1 --out swimmer.png --theme dark',
      ),
    )
    .action(async (name: string, folders: string[], flags: FigureFlags) => {
      const { out = `${name}.svg`, json, theme, task, variant, ...compute } = flags
      const format = extname(out).toLowerCase()
      if (format !== '.svg' && format !== '.png')
        throw new GogepoError('ERR_ARGUMENT', `--out: expected a file that ends in .svg or .png, got ${out}.`)
      const { figure, values } = await drawFigure(name, folders, { theme, task, variant, compute })
      const svg = await svgOf(figure, theme)
      writeWhole(out, [format === '.svg' ? Buffer.from(svg) : await pngOf(svg)])
      outputs(json).result(
        { figure: name, file: out, values },
        `${out}: ${figure.description} ${plural(values.length, 'point')}.`,
      )
    })
}
