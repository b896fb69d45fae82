/** gogepo demo: trains on a small task until it is solved, then asks the generator for several returns. */
import { Command } from 'commander'
import { short } from '../report/terminal.js'
import { openRun } from '../opened-run.js'
import { train } from '../training.js'
import { examples } from './help.js'
import { table } from './table.js'
import { summary, trainForPeople } from './train.js'

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Trains on MountainCarContinuous-v0, seed 1, until an evaluation reaches 90, then asks for several returns.',
    )
    .addHelpText('after', examples('gogepo demo'))
    .action(async () => {
      const people = process.stdout
      const result = await trainForPeople(people, { stopAt: 90 }, 'usual', (options) =>
        train({ ...options, task: 'MountainCarContinuous-v0', seed: 1 }),
      )
      if (result.interrupted) {
        people.write(`Interrupted and saved. Go on with: npx gogepo train --resume ${result.run}\n`)
        process.exitCode = 130
        return
      }
      people.write(`\n${summary(result)}\n\nThe trained generator, asked for several returns (10 episodes each):\n`)
      using run = await openRun(result.run)
      const rows: string[][] = []
      for (const command of [-100, -50, 0, 50, 'best'] as const) {
        const r = await run.evaluate(command)
        rows.push([short(r.command), `${short(r.achievedMean)} ± ${short(r.achievedStd)}`, short(r.predicted)])
      }
      people.write(`${table(['asked', 'achieved', 'predicted'], rows)}\n
Next:
  npx gogepo evaluate ${result.run} --command 50
  npx gogepo sweep ${result.run}
  npx gogepo train InvertedPendulum-v5\n`)
    })
}
