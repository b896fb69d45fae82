// Replays a recording of a Gymnasium task on the native one: node scripts/replay.mjs <recording.safetensors> <result.safetensors>
// The recording says which task (env) and which options it had (options: name=value, with spaces between), in its metadata.
// Puts the task into each recorded first state, takes the recorded actions, resets where the recording did and nowhere else.
import { GogepoError } from '../dist/errors.js'
import { openNative } from '../dist/native.js'
import { nativeTask } from '../dist/env/native-task.js'
import { parseTaskOption } from '../dist/task-options.js'
import { readSafetensors, requireTensor, writeSafetensors } from '../dist/safetensors.js'

const [input, output] = process.argv.slice(2)
try {
  if (!input || !output)
    throw new GogepoError(
      'ERR_ARGUMENT',
      'Expected two files: npm run --silent replay -- <recording.safetensors> <result.safetensors>',
    )
  writeSafetensors(output, { tensors: replay(readSafetensors(input), input), metadata: {} })
} catch (error) {
  console.error(error instanceof GogepoError || error.syscall ? `replay: ${error.message}` : error)
  process.exitCode = output ? 1 : 2
}

function replay({ tensors, metadata }, path) {
  if (metadata.env === undefined)
    throw new GogepoError('ERR_FILE', `${path}: expected the task's id as env in its metadata, got none.`)
  const native = openNative()
  const options = Object.assign({}, ...(metadata.options ?? '').split(' ').filter(Boolean).map(parseTaskOption))
  const task = nativeTask(native, metadata.env, options).spec
  const actions = requireTensor(tensors, 'actions', 'F64', [-1, -1]).data
  const resets = Float64Array.from(requireTensor(tensors, 'resets', 'I64', [-1]).data, Number)
  const { observations, rewards, terminated, truncated } = native.replay({
    env: task.id,
    options,
    actions,
    resets,
    states: states(tensors, resets.length),
  })
  const steps = rewards.length
  return {
    observations: { dtype: 'F64', shape: [steps, task.observationSize], data: observations },
    rewards: { dtype: 'F64', shape: [steps], data: rewards },
    terminated: { dtype: 'U8', shape: [steps], data: terminated },
    truncated: { dtype: 'U8', shape: [steps], data: truncated },
  }
}

/** First states (E, n): qpos then qvel of a MuJoCo task, or the state of a classic one. */
function states(tensors, episodes) {
  const parts = ('state' in tensors ? ['state'] : ['qpos', 'qvel']).map((name) =>
    requireTensor(tensors, name, 'F64', [episodes, -1]),
  )
  const width = parts.reduce((sum, { shape }) => sum + shape[1], 0)
  const out = new Float64Array(episodes * width)
  let column = 0
  for (const { shape, data } of parts) {
    for (let e = 0; e < episodes; e++) out.set(data.subarray(e * shape[1], (e + 1) * shape[1]), e * width + column)
    column += shape[1]
  }
  return out
}
