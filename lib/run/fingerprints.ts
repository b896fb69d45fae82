/** What the policies of a run do: their probing actions, for stored policies and for chains of generated ones. */
import type { Gogepo } from '../algorithms/gogepo.js'
import { GogepoError } from '../base/errors.js'
import { spread } from '../base/statistics.js'
import type { Policies } from '../native/contract.js'
import type { Compute } from './compute.js'
import type { RunConfig } from './config.js'
import { RunFolder } from './folder.js'
import { makeSession } from './resume.js'

const mostStages = 5 // more chains than these hide one another

/** A policy as its probing actions. */
export interface Probed {
  /** In stored units: what a stored policy achieved, or what was commanded. */
  return: number
  fingerprint: Float32Array
}

/** The policies of a run before the same critic, its last. */
export interface Fingerprints {
  task: string
  /** Policies of the replay buffer, evenly spaced over it. */
  stored: Probed[]
  /** What the generators of up to five checkpoints, evenly spaced over training, make of the same commands, oldest first. */
  chains: { steps: number; policies: Probed[] }[]
}

/** Whether a run has what fingerprints come from: a generator, and a critic with probing states. */
export const hasFingerprints = ({ algorithm, settings }: RunConfig): boolean =>
  algorithm === 'gogepo' && settings['criticKind'] !== 'parameters'

/**
 * @param commands from the lowest to the highest return of training, this many
 * @param most of the stored policies
 * @throws GogepoError ERR_ARGUMENT when the run has no generator; ERR_RUN, ERR_CHECKPOINT
 */
export async function fingerprintsOf(
  path: string,
  { commands: count = 11, most = 1000, ...compute }: Compute & { commands?: number; most?: number } = {},
): Promise<Fingerprints> {
  const folder = RunFolder.open(path)
  const { algorithm } = folder.config
  if (!hasFingerprints(folder.config))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `${path}: expected a run of gogepo whose critic has probing states (criticKind=fingerprint), got ${algorithm}${algorithm === 'gogepo' ? ' with criticKind=parameters' : ''}.`,
    )
  const session = await makeSession(folder, compute)
  try {
    const judge = session.learner as Gogepo
    folder.load(session, 'last', true)
    const probe = async (policies: Policies, returns: readonly number[]): Promise<Probed[]> => {
      const all = await judge.critic.fingerprint(policies)
      policies.dispose()
      const size = all.length / returns.length
      return returns.map((value, i) => ({ return: value, fingerprint: all.slice(i * size, (i + 1) * size) }))
    }
    const stored: Probed[] = []
    const { first, end } = judge.log
    const every = Math.max(1, Math.ceil((end - first) / most))
    for (let row = first; row < end; row += every) {
      const { thetas, returns } = judge.buffer.rows({ first: row, count: 1 })
      const policies = new session.options.native.Policies(session.device, judge.policySpec, thetas)
      stored.push(...(await probe(policies, [judge.units.fromNetworks(returns[0]!)])))
    }
    const { lowest, best } = session.history
    const commands = spread(lowest, best, count)
    const chains: Fingerprints['chains'] = []
    for (const steps of stagesOf(folder.checkpoints.list())) {
      const thetas = await thetasAt(path, steps, commands, compute)
      const policies = new session.options.native.Policies(session.device, judge.policySpec, thetas)
      chains.push({ steps, policies: await probe(policies, commands) })
    }
    return { task: folder.config.task, stored, chains }
  } finally {
    session.dispose()
  }
}

/** The first checkpoint, the last, and those nearest to evenly spaced steps in between. */
function stagesOf(checkpoints: readonly number[]): number[] {
  const [first, last] = [checkpoints[0]!, checkpoints.at(-1)!]
  const nearest = (steps: number): number =>
    checkpoints.reduce((best, one) => (Math.abs(one - steps) < Math.abs(best - steps) ? one : best))
  return [...new Set(spread(first, last, mostStages).map(nearest))]
}

/** The policies that the generator of a checkpoint makes of these commands: (commands, |θ|). */
async function thetasAt(
  path: string,
  steps: number,
  commands: readonly number[],
  compute: Compute,
): Promise<Float32Array> {
  const folder = RunFolder.open(path)
  const session = await makeSession(folder, compute)
  try {
    folder.load(session, steps, false)
    const policies = await session.learner.policies(commands)
    const thetas = policies.toArray()
    policies.dispose()
    return thetas
  } finally {
    session.dispose()
  }
}
