/** The setting of algorithms whose updates exist twice: written by hand, and as their own slow oracle. */
import { word } from '../base/values.js'
import { setting } from '../settings/setting.js'

/** @param fast what the fast one is, in a few words */
export const backendSetting = (fast = 'hand-written updates') =>
  setting(
    word('fast', 'reference'),
    'fast',
    `fast: ${fast}; reference: plain LibTorch with autograd, the slow oracle`,
    'this project',
    'compute',
  )
