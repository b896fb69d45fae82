/** gogepo demo: trains on CartPole, then commands several returns, next to a run that does not learn. */
import { Command } from 'commander'
import { short } from '../base/words.js'
import { openRun } from '../run/opened-run.js'
import { startRun, type RunResult, type StartOptions } from '../run/start.js'
import { examples } from './help.js'
import { sweepPlot } from './plots.js'
import { table } from './table.js'
import { interruptible } from './interrupt.js'
import { trainForPeople } from './train.js'

const lesson: StartOptions = {
  task: 'CartPole-v1',
  seed: 103,
  steps: 60_000,
  settings: { policyHidden: [64, 64], generatorHidden: [128, 128], evaluateEvery: 2000 }, // small: seconds instead of minutes
}
const asked = [50, 100, 200, 300, 400, 500]

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Train on CartPole-v1, then command several returns. The same run without learning is shown beside it.',
    )
    .addHelpText('after', examples('gogepo demo'))
    .action(async () => {
      const people = process.stdout
      const interrupted = (result: RunResult): boolean => {
        if (!result.interrupted) return false
        people.write(`Interrupted and saved. Resume with: npx gogepo train --resume ${result.run}\n`)
        process.exitCode = 130
        return true
      }
      people.write(
        'In CartPole-v1, the return is the number of steps for which a pole is kept upright, at most 500.\n\n',
      )
      const learned = await trainForPeople(people, lesson)
      if (interrupted(learned)) return
      people.write('The control: as many steps, with learning switched off …\n')
      const control = await interruptible(people, (signal) => startRun({ ...lesson, control: true, signal }))
      if (interrupted(control)) return

      people.write(`\nBoth generators, commanded to achieve several returns (10 episodes each):\n`)
      using run = await openRun(learned.run)
      using unlearned = await openRun(control.run)
      const rows: string[][] = []
      for (const command of asked) {
        const { achievedMean, achievedStd, predicted } = await run.evaluate(command)
        const without = await unlearned.evaluate(command)
        rows.push([
          short(command),
          `${short(achievedMean)} ± ${short(achievedStd)}`,
          short(predicted!),
          short(achievedMean - command),
          short(without.achievedMean),
        ])
      }
      people.write(`${table(['commanded', 'achieved', 'predicted', 'difference', 'without learning'], rows)}\n\n`)

      const sweep = await run.sweep()
      for (const part of sweepPlot(sweep, people)) people.write(`${part}\n`)
      people.write(`
${sweep.task} ${sweep.verdict}.
Without learning, it ${(await unlearned.sweep()).verdict}.

Next:
  npx gogepo evaluate ${learned.run} --command 150
  npx gogepo sweep ${learned.run}
  npx gogepo train InvertedPendulum-v5\n`)
    })
}
