/** gogepo setup: finds LibTorch or fetches it. */
import { Command } from 'commander'
import { installLibtorch } from '../install/libtorch.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'

export function setupCommand(): Command {
  return new Command('setup')
    .description(
      'Finds a LibTorch (GOGEPO_LIBTORCH, LIBTORCH, an active Python environment, the cache) or fetches one into the cache.',
    )
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo setup'))
    .action((flags: { json?: boolean }) => {
      const libtorch = installLibtorch()
      outputs(flags.json).result(libtorch, `LibTorch ${libtorch.version} in ${libtorch.folder}`)
    })
}
