/**
 * The doctor's check: times a matrix multiplication and an episode, and prints the result as JSON. It runs in a child
 * process, since a broken library may crash it.
 */
import { settingsFor } from '../algorithms/algorithm.js'
import { gogepo } from '../algorithms/gogepo.js'
import { GogepoError, hasCode } from '../base/errors.js'
import { findTask } from '../env/find-task.js'
import type { Native } from '../native/contract.js'
import { cudaUse, openNative, type CudaUse } from '../native/open.js'
import { Session } from '../train/session.js'

/** The result of a successful check. */
export interface Exercise {
  device: string
  /**
   * The CUDA devices, and whether updates are captured as CUDA graphs there, or why not; in words, why there is no
   * device.
   */
  cuda: { devices: Omit<CudaUse, 'graphs'>[]; graphs: true | string } | string
  /** Billions of floating-point operations per second in a multiplication of two 1024 × 1024 matrices on one thread. */
  gflops: number
  task: string
  /** The length of an episode of that task. */
  steps: number
  /** Microseconds per step of that episode, the simulation and the policy together. */
  usPerStep: number
}

const size = 1024
const task = 'Swimmer-v5'

/** Opens the native side as `auto` does, but keeps the reason if CUDA is not available. */
function open(): { native: Native; cuda: Exercise['cuda'] } {
  try {
    const native = openNative('cuda')
    return { native, cuda: { devices: native.cudaDevices(), graphs: cudaUse(native, 'cuda')!.graphs } }
  } catch (error) {
    if (!hasCode(error, 'ERR_CUDA_UNAVAILABLE')) throw error
    return { native: openNative('cpu'), cuda: error.message.replace(/^Device \S+ is not available/, 'none') }
  }
}

async function exercise(): Promise<Exercise> {
  // A session with small networks.
  const { native, cuda } = open()
  const swimmer = await findTask(native, task)
  const given = { policyHidden: [16], generatorHidden: [16], criticHidden: [16], bufferSize: 1 }
  const settings = settingsFor(gogepo, swimmer.spec, { given, preset: 'paper' })
  const session = new Session({
    native,
    algorithm: gogepo,
    task: swimmer,
    settings,
    seed: 1,
    device: 'auto',
    threads: 1,
    torchThreads: 1,
  })

  // The matrix multiplication, then an episode.
  const milliseconds = await session.device.sgemm({ m: size, n: size, k: size, repeats: 10 })
  const episode = () => session.evaluate([0], 1, { seed: 1, purpose: 'evaluation', firstIndex: 0 })
  await episode() // the first one also allocates memory
  const started = performance.now()
  const [evaluation] = await episode()
  const took = performance.now() - started
  const steps = evaluation!.lengths[0]!
  if (!Number.isFinite(evaluation!.returns[0]))
    throw new Error(`expected the return of an episode of ${task} to be finite, got ${evaluation!.returns[0]}`)
  const gflops = (2 * size ** 3) / (Math.min(...milliseconds) * 1e6)
  return { device: session.device.name, cuda, gflops, task, steps, usPerStep: (took * 1000) / steps }
}

exercise().then(
  (done) => console.log(JSON.stringify(done)),
  (error: Error) => {
    console.log(
      JSON.stringify({
        error:
          error instanceof GogepoError
            ? { code: error.code, message: error.message }
            : { message: error.stack ?? String(error) },
      }),
    )
    process.exitCode = 1
  },
)
