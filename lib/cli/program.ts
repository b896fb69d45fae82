/** The command line as a tree of verbs, from which help and completion are derived. */
import { Command, CommanderError } from 'commander'
import { dirname } from 'node:path'
import { findLibtorch } from '../install/libtorch.js'
import { findMujoco, mujocoVersion } from '../install/mujoco.js'
import { findLoader } from '../native/loader.js'
import { version } from '../base/package.js'
import { algorithmsCommand } from './algorithms.js'
import { checkCommand } from './check.js'
import { compareCommand } from './compare.js'
import { completeCommand, completionCommand } from './completion.js'
import { demoCommand } from './demo.js'
import { doctorCommand } from './doctor.js'
import { envsCommand } from './envs.js'
import { evaluateCommand } from './evaluate.js'
import { figureCommand } from './figure.js'
import { generateCommand } from './generate.js'
import { examples, formatHelp, paragraph } from './help.js'
import { reportCommand } from './report.js'
import { runsCommand } from './runs.js'
import { setupCommand } from './setup.js'
import { studyCommand } from './study.js'
import { sweepCommand } from './sweep.js'
import { trainCommand } from './train.js'

const groups = {
  'Train and command:': [trainCommand, evaluateCommand, sweepCommand, generateCommand],
  'Many runs:': [studyCommand, compareCommand, figureCommand, reportCommand],
  'Look up:': [runsCommand, envsCommand, algorithmsCommand, checkCommand],
  'Set up:': [demoCommand, setupCommand, doctorCommand, completionCommand],
}

/**
 * Its parse methods throw CommanderError: for invalid arguments, and with exit code 0 after printing help or versions.
 */
export function makeProgram(): Command {
  const program = new Command('gogepo')
    .description('Learn one generator of neural policies: command a return, get a policy that achieves it.')
    .option('-V, --version', 'print the versions of gogepo, LibTorch and MuJoCo')
    .on('option:version', () => {
      process.stdout.write(`${versions()}\n`)
      throw new CommanderError(0, 'commander.version', '')
    })
    .addHelpText(
      'after',
      examples(
        'gogepo train Swimmer-v5 --seed 1',
        'gogepo evaluate runs/Swimmer-v5-s1-1 --command best',
        'gogepo sweep runs/Swimmer-v5-s1-1',
      ),
    )
    .addHelpText(
      'after',
      paragraph(
        'Exit codes: 0 success; 1 failure in a file, a folder or during the run; 2 invalid arguments; 130 interrupted (and saved).',
      ),
    )
  for (const [title, verbs] of Object.entries(groups)) {
    program.commandsGroup(title)
    for (const make of verbs) program.addCommand(make())
  }
  program.helpCommand('help [verb]', 'print the help of a verb')
  program.addCommand(completeCommand(program), { hidden: true })
  for (const command of [program, ...program.commands, ...program.commands.flatMap((verb) => verb.commands)])
    formatHelp(command)
      .helpOption('-h, --help', 'print this help')
      .showSuggestionAfterError()
      .exitOverride()
      .configureOutput({ outputError: () => {} }) // main.ts reports errors, once
  return program
}

/** The versions in words. It only looks at files: opening LibTorch would take too long. */
function versions(): string {
  const found = (look: () => string): string => {
    try {
      return look()
    } catch {
      return 'not found'
    }
  }
  const libtorch = found(() => findLibtorch().version)
  const mujoco = found(() => (findMujoco(found(() => dirname(findLoader()))), mujocoVersion))
  return `${version} (LibTorch ${libtorch}, MuJoCo ${mujoco}, Node ${process.versions.node})`
}
