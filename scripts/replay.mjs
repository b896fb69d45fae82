// Replays a Gymnasium recording on the native task.
//   node scripts/replay.mjs <recording.safetensors> <result.safetensors>
// Restores each recorded initial state and takes the recorded actions; resets exactly where the recording did. The
// recording's metadata names the task (env) and its options (options: name=value, separated by spaces).
import { GogepoError } from '../dist/base/errors.js'
import { readSafetensors, requireTensor, writeSafetensors } from '../dist/base/safetensors.js'
import { nativeTask } from '../dist/env/native-task.js'
import { parseTaskOption } from '../dist/env/task-options.js'
import { openNative } from '../dist/native/open.js'

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
    throw new GogepoError('ERR_FILE', `${path}: expected a task id under env in the metadata, got none.`)
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

/** Initial states (E, n): qpos then qvel of a MuJoCo task, or the state of a classic control task. */
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
