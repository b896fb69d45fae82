/** The algorithms that come with gogepo. */
import { didYouMean, GogepoError } from '../base/errors.js'
import { quoted } from '../base/words.js'
import type { Algorithm } from './algorithm.js'
import { ars } from './ars.js'
import { ddpg } from './ddpg.js'
import { es } from './es.js'
import { gogepo } from './gogepo.js'
import { pgpe } from './pgpe.js'
import { pssvf } from './pssvf.js'
import { sac } from './sac.js'
import { td3 } from './td3.js'
import { udrl } from './udrl.js'
import { udrlpg } from './udrlpg.js'

/** The first one is the default. */
export const algorithms: readonly Algorithm[] = [gogepo, ars, es, pgpe, pssvf, udrlpg, udrl, ddpg, td3, sac]

/** @throws GogepoError ERR_SETTING */
export function findAlgorithm(name: string): Algorithm {
  const found = algorithms.find((algorithm) => algorithm.name === name)
  if (found !== undefined) return found
  const names = algorithms.map((algorithm) => algorithm.name)
  throw new GogepoError(
    'ERR_SETTING',
    `Unknown algorithm "${quoted(name)}".${didYouMean(name, names)} The algorithms are: ${names.join(', ')}.`,
  )
}

/** The preset of that name, or the default one. @throws GogepoError ERR_SETTING */
export function findPreset(algorithm: Algorithm, name?: string): string {
  const names = Object.keys(algorithm.presets)
  if (name === undefined) return names[0]!
  if (Object.hasOwn(algorithm.presets, name)) return name
  throw new GogepoError(
    'ERR_SETTING',
    `Unknown preset "${quoted(name)}" of ${algorithm.name}.${didYouMean(name, names)} Its presets are: ${names.join(', ')}.`,
  )
}
