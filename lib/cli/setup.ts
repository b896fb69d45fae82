/** gogepo setup: finds LibTorch, or installs it. */
import { Command, Option } from 'commander'
import { dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { GogepoError } from '../base/errors.js'
import { formatBytes, plural } from '../base/words.js'
import { replacementFor } from '../install/cache.js'
import { findLibtorch, inspect, listed, searchLibtorch, toRun, type Libtorch } from '../install/libtorch.js'
import { refuseMachine } from '../install/machine.js'
import { install, installed, planSetup, tidyCache, type SetupOptions, type SetupPlan } from '../install/setup.js'
import { damage, verify } from '../install/verify.js'
import { examples } from './help.js'
import { stoppable } from './interrupt.js'
import { jsonOption, outputs } from './options.js'
import { transferLines } from './transfer.js'

interface Flags extends Omit<SetupOptions, 'kind' | 'version'> {
  cpu?: true
  cuda?: true
  torch?: string
  dryRun?: true
  verify?: true
  yes?: true
  json?: boolean
}

export function setupCommand(): Command {
  return new Command('setup')
    .description(
      'Find LibTorch (in GOGEPO_LIBTORCH, LIBTORCH, the active Python environment or the cache), or download it into the cache. With any of the first six options, install exactly that.',
    )
    .addOption(new Option('--cpu', 'the part of LibTorch that a CPU needs, 0.45 GB').conflicts('cuda'))
    .addOption(
      new Option(
        '--cuda',
        'also everything that CUDA devices need (default: --cuda with an NVIDIA driver, otherwise --cpu)',
      ),
    )
    .addOption(new Option('--torch <version>', 'the version of LibTorch, such as 2.13.0'))
    .addOption(
      new Option(
        '--from <source>',
        'a wheel of torch or PyTorch’s libtorch zip file, as a path or an http(s) address (which may end with #sha256=…); a folder of the wheels that --dry-run lists; or the folder of a LibTorch',
      ),
    )
    .addOption(
      new Option('--mirror <url>', 'a package index, or a folder of wheels on a web server, to use instead of pip'),
    )
    .addOption(
      new Option('--dir <folder>', 'install into this folder instead of the cache; set GOGEPO_LIBTORCH to it later'),
    )
    .addOption(new Option('--dry-run', 'print what would be installed from where, and do nothing'))
    .addOption(
      new Option(
        '--verify',
        'compare every file of the LibTorch in use, or of the one in --dir, with its SHA-256, and do nothing else',
      ).conflicts(['cpu', 'cuda', 'torch', 'from', 'mirror', 'dryRun']),
    )
    .addOption(new Option('-y, --yes', 'download without asking; only a terminal is asked'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'gogepo setup',
        'gogepo setup --cpu --dir /opt/libtorch --yes',
        'gogepo setup --mirror https://mirror.example/simple',
        'gogepo setup --verify',
      ),
    )
    .action(async (flags: Flags) => {
      refuseMachine()
      const { dir, from, mirror, torch: version } = flags
      for (const [name, value] of Object.entries({ torch: version, from, mirror, dir }))
        if (value === '') throw new GogepoError('ERR_ARGUMENT', `--${name} is empty. Give it a value, or leave it out.`)
      const kind = flags.cpu ? 'cpu' : flags.cuda ? 'cuda' : undefined
      const exactly = [kind, version, from, mirror, dir].some((given) => given !== undefined)
      if (flags.verify) return check(flags, dir)
      const { libtorch } = exactly ? { libtorch: undefined } : searchLibtorch()
      const damaged = libtorch && damage(libtorch)
      if (libtorch && damaged === undefined) {
        if (flags.dryRun) return showFound(flags, libtorch)
        await tidyCache()
        return tell(flags, libtorch)
      }
      const plan = planSetup({ kind, version, from, mirror, dir })
      if (libtorch && dirname(libtorch.folder) !== plan.target)
        throw new GogepoError(
          'ERR_LIBTORCH_DAMAGED',
          `${damaged}. ${replacementFor(libtorch.folder, 'GOGEPO_LIBTORCH')}`,
        )
      if (flags.dryRun) return showPlan(flags, plan)
      await carryOut(flags, plan)
    })
}

function tell({ json, dir }: Flags, libtorch: Libtorch): void {
  const words = [`LibTorch ${libtorch.version} is in ${libtorch.folder}`]
  if (dir !== undefined) words.push(`To use it: export GOGEPO_LIBTORCH=${libtorch.folder}`)
  else {
    const used = searchLibtorch().libtorch
    if (used && used.folder !== libtorch.folder)
      words.push(`gogepo uses another one, LibTorch ${used.version} in ${used.folder}; gogepo doctor shows why.`)
  }
  outputs(json).result(libtorch, words.join('\n'))
}

function check({ json }: Flags, dir: string | undefined): void {
  const lines = transferLines(process.stderr)
  const libtorch = dir === undefined ? findLibtorch() : libtorchIn(dir)
  const { files, bytes } = verify(libtorch, (done, total) => lines.progress('compared', done, total))
  lines.end()
  outputs(json).result(
    { ...libtorch, files, bytes },
    `LibTorch ${libtorch.version} in ${libtorch.folder} is complete: ${plural(files, 'file')}, ${formatBytes(bytes)}`,
  )
}

/** @throws GogepoError ERR_LIBTORCH_VERSION, ERR_LIBTORCH_NOT_FOUND */
function libtorchIn(dir: string): Libtorch {
  const { libtorch, found, noEngine } = inspect(resolve(dir), toRun())
  if (libtorch) return libtorch
  throw new GogepoError(
    noEngine === undefined ? 'ERR_LIBTORCH_NOT_FOUND' : 'ERR_LIBTORCH_VERSION',
    `--dir is ${dir}, where there is no LibTorch ${listed(toRun().minors)}: ${found}. Name the folder that setup installed one in.`,
  )
}

function showFound({ json }: Flags, libtorch: Libtorch): void {
  outputs(json).result(
    { ...libtorch, installed: true },
    `LibTorch ${libtorch.version} is in ${libtorch.folder}; nothing would be done.`,
  )
}

function showPlan({ json }: Flags, plan: SetupPlan): void {
  const { version, kind, sourceName, target, wheels, space } = plan
  const there = installed(plan)
  outputs(json).result(
    { version, kind, source: sourceName, target, wheels, space, installed: there !== undefined },
    there
      ? `LibTorch ${there.version} is in ${target} already; nothing would be done.`
      : [
          `LibTorch ${version} for ${kind === 'cpu' ? 'CPUs' : 'CUDA devices and CPUs'} would be installed in ${target}`,
          `from ${sourceName}, with at most ${formatBytes(space)} of disk space in between`,
          ...wheels.map((file) => `  ${file}`),
        ].join('\n'),
  )
}

async function carryOut(flags: Flags, plan: SetupPlan): Promise<void> {
  if (!installed(plan)) {
    const what = `LibTorch ${plan.version} for ${plan.kind === 'cpu' ? 'CPUs' : 'CUDA devices and CPUs'} from ${plan.sourceName} into ${plan.target}`
    if (process.stdin.isTTY && process.stderr.isTTY && !flags.yes) await ask(`Install ${what}? [Y/n] `)
    else process.stderr.write(`Installing ${what}\n`)
  }
  const lines = transferLines(process.stderr)
  const libtorch = await stoppable(async (signal) => {
    try {
      return await install(plan, {
        signal,
        progress: (what, bytes, total) => lines.progress(what, bytes, total),
        waiting: () => process.stderr.write('Waiting for another setup that is at work in the same folder\n'),
      })
    } finally {
      lines.end()
    }
  })
  tell(flags, libtorch)
}

async function ask(question: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(question)
  terminal.close()
  if (!/^(y(es)?)?$/i.test(answer.trim()))
    throw new GogepoError(
      'ERR_SETUP',
      'Nothing was installed, because the question was answered with no. Give another source with --from or --mirror, or another folder with --dir.',
    )
}
