// What a user's program does, in one go: train, evaluate, resume, act. Run by each case of scripts/packed.mjs.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPolicy, openRun, resume, train } from 'gogepo'

const run = join(mkdtempSync(join(tmpdir(), 'gogepo run ')), 'run')
const settings = { policyHidden: [16], sliceSize: 8, generatorHidden: [16], criticHidden: [16], bufferSize: 20 }
const first = await train({ task: 'Reacher-v5', run, steps: 100, threads: 1, torchThreads: 1, settings }).result
const opened = await openRun(run)
const { achievedMean } = await opened.evaluate(-20)
const policy = await opened.policy(-20)
policy.save(join(run, 'policy.safetensors'))
const again = loadPolicy(join(run, 'policy.safetensors'))
const action = again.act(new Array(10).fill(0))
for (const one of [opened, policy, again]) one.dispose()
const last = await resume(run, { steps: 1000 }).result
if (!Number.isFinite(achievedMean) || action.length !== 2 || !(last.steps > first.steps))
  throw new Error(`unexpected: ${JSON.stringify({ achievedMean, action, first: first.steps, last: last.steps })}`)
console.log(`trained on Node ${process.versions.node}`)
