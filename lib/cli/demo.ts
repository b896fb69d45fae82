/** gogepo demo: trains on a small task until it is solved, then commands several returns. */
import { Command } from 'commander'
import { short } from '../base/words.js'
import { openRun } from '../run/opened-run.js'
import { examples } from './help.js'
import { table } from './table.js'
import { summary, trainForPeople } from './train.js'

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Train on MountainCarContinuous-v0 with seed 1 until an evaluation reaches 90, then command several returns.',
    )
    .addHelpText('after', examples('gogepo demo'))
    .action(async () => {
      const people = process.stdout
      const result = await trainForPeople(people, { task: 'MountainCarContinuous-v0', seed: 1, stopAt: 90 })
      if (result.interrupted) {
        people.write(`Interrupted and saved. Resume with: npx gogepo train --resume ${result.run}\n`)
        process.exitCode = 130
        return
      }
      people.write(
        `\n${summary(result)}\n\nThe trained generator, commanded to achieve several returns (10 episodes each):\n`,
      )
      using run = await openRun(result.run)
      const rows: string[][] = []
      for (const command of [-100, -50, 0, 50, 'best'] as const) {
        const r = await run.evaluate(command)
        rows.push([short(r.command!), `${short(r.achievedMean)} ± ${short(r.achievedStd)}`, short(r.predicted!)])
      }
      people.write(`${table(['commanded', 'achieved', 'predicted'], rows)}\n
Next:
  npx gogepo evaluate ${result.run} --command 50
  npx gogepo sweep ${result.run}
  npx gogepo train InvertedPendulum-v5\n`)
    })
}
