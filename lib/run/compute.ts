/** Where and with how many threads a run is computed. */
import { deviceName, text, whole, type ValueType } from '../base/values.js'

/** On one kind of device, these change the speed but no result. */
export interface Compute {
  /** auto, cpu, cuda or cuda:<i>; auto uses CUDA where it is available. */
  device?: string | undefined
  /** Rollout workers; the number of CPUs when left out. */
  threads?: number | undefined
  /** Threads of the updates; the number of CPUs when left out. */
  torchThreads?: number | undefined
  /** The interpreter of a Python task; GOGEPO_PYTHON, that of the active virtual environment or python3 when left out. */
  python?: string | undefined
}

/** The types of those options. */
export const computeOptions = {
  device: deviceName,
  threads: whole(1),
  torchThreads: whole(1),
  python: text,
} satisfies Record<keyof Compute, ValueType<unknown>>
