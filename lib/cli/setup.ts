/** gogepo setup: finds LibTorch, or downloads it. */
import { Command } from 'commander'
import { installLibtorch } from '../install/libtorch.js'
import { examples } from './help.js'
import { jsonOption, outputs } from './options.js'

export function setupCommand(): Command {
  return new Command('setup')
    .description(
      'Find LibTorch (in GOGEPO_LIBTORCH, LIBTORCH, the active Python environment or the cache), or download it into the cache.',
    )
    .addOption(jsonOption())
    .addHelpText('after', examples('gogepo setup'))
    .action((flags: { json?: boolean }) => {
      const libtorch = installLibtorch()
      outputs(flags.json).result(libtorch, `LibTorch ${libtorch.version} is in ${libtorch.folder}`)
    })
}
