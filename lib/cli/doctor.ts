/** gogepo doctor: what gogepo needs and what it finds, tried; each problem with its fix. */
import { Command } from 'commander'
import { examine, type Diagnosis } from '../doctor/doctor.js'
import type { Exercise } from '../doctor/exercise.js'
import type { SearchedPlace } from '../install/libtorch.js'
import { formatBytes } from '../base/words.js'
import { colorsOf, widthOf, wrapped } from '../report/screen.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Looks at what gogepo needs, multiplies a matrix and steps a simulation, and says how to mend what is wrong.',
    )
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo doctor'))
    .action(async (flags: { json?: boolean }) => {
      const found = await examine()
      outputs(flags.json).result(found, inWords(found))
      if (found.problems.length > 0) process.exitCode = 1
    })
}

function cudaInWords(cuda: Exercise['cuda']): string {
  if (typeof cuda === 'string') return cuda
  const devices = cuda.devices.map(
    ({ name, capability, memory }, i) =>
      `cuda:${i}${name === undefined ? '' : ` ${name}, capability ${capability}, ${formatBytes(memory!)}`}`,
  )
  return `${devices.join('; ')}; updates are ${cuda.graphs === true ? 'recorded as CUDA graphs' : `made one by one: ${cuda.graphs}`}`
}

function inWords({
  versions,
  platform,
  libtorch,
  mujoco,
  addon,
  cpu,
  memory,
  nvidia,
  check,
  problems,
}: Diagnosis): string {
  const colors = colorsOf(process.stdout)
  const width = widthOf(process.stdout)
  const row = (name: string, text: string): string =>
    `${colors.bold(name.padEnd(10))}${wrapped(text, width - 10, ' '.repeat(10))}`
  const looked = (places: SearchedPlace[], chosen: boolean): string[] =>
    places.map(
      ({ from, path, found }, i) =>
        `${' '.repeat(10)}${wrapped(`${from}${path && ` (${path})`}: ${found}${chosen && i === places.length - 1 ? ', taken' : ''}`, width - 10, ' '.repeat(12))}`,
    )

  return [
    row('gogepo', `${versions.gogepo}, Node ${versions.node}, ${platform}`),
    row(
      'LibTorch',
      libtorch.chosen
        ? `${versions.libtorch}, ${libtorch.chosen.cuda ? 'a CUDA build' : 'a CPU build'}; looked at:`
        : 'not found; looked at:',
    ),
    ...looked(libtorch.places, libtorch.chosen !== null),
    row('MuJoCo', mujoco.chosen ? `${versions.mujoco}; looked at:` : 'not found; looked at:'),
    ...looked(mujoco.places, mujoco.chosen !== null),
    row('addon', `${addon.loader ?? 'not found'}; engine for this LibTorch: ${addon.engine ?? 'none'}`),
    row(
      'CPU',
      `${cpu.model}, ${cpu.cores} cores, ${cpu.threads} threads for gogepo; ${cpu.kernels} kernels; ${cpu.flags.join(' ') || 'flags unknown'}`,
    ),
    row('memory', `${formatBytes(memory.free)} free of ${formatBytes(memory.total)}`),
    row(
      'GPU',
      nvidia.driver
        ? `NVIDIA driver ${nvidia.driver}, ${nvidia.devices.join(', ') || 'no device file in /dev'}`
        : 'no NVIDIA driver',
    ),
    ...(check ? [row('CUDA', cudaInWords(check.cuda))] : []),
    row(
      'check',
      check
        ? `${check.gflops.toFixed(0)} GFLOP/s on one thread; ${check.steps} steps of ${check.task}, ${check.usPerStep.toFixed(0)} µs each; updates on ${check.device}`
        : 'not done: see below',
    ),
    '',
    ...(problems.length === 0
      ? [colors.green('Nothing is wrong.')]
      : problems.flatMap(({ what, fix }) => [
          colors.red(`Wrong: ${wrapped(what, width - 7, '  ')}`),
          `  ${wrapped(fix, width - 2, '  ')}`,
        ])),
  ].join('\n')
}
