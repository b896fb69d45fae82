/** Settings that several algorithms have. */
import { whole, word } from '../base/values.js'
import { setting } from '../settings/setting.js'

/**
 * Which of two implementations makes the updates: the one written by hand, or its slow oracle.
 * @param fast what the fast one is, in a few words
 */
export const backendSetting = (fast = 'hand-written updates') =>
  setting(
    word('fast', 'reference'),
    'fast',
    `fast: ${fast}; reference: plain LibTorch with autograd, the slow oracle`,
    'this project',
    'compute',
  )

/** How many commands are tried once training has ended; what becomes of them is in lib/train/command-correction.ts. */
export const correctionEpisodesSetting = () =>
  setting(
    whole(0, 1000),
    0,
    'at most this many episodes run after the last step, without exploration, for commands from the lowest to the best return, and as many again for the best checkpoint if it is another; later commands are corrected by what these achieved; fewer than 2: no correction',
    'this project',
  )
