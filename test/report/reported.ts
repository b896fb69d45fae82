// A run as reporters see it, for the tests of logs.
import type { Reporter, RunEnd, RunStart } from '../../lib/report/reporter.js'
import type { TrainEvent } from '../../lib/train/events.js'

const start = (run: string, steps: number): RunStart => ({
  run,
  algorithm: 'gogepo',
  task: 'Hopper-v5',
  taskOptions: [],
  seed: 7,
  device: 'cpu',
  budget: 1000,
  steps,
  settings: { noise: 0.1, policyHidden: [16, 8], backend: 'fast', normalizeObservations: true },
  fullBufferBytes: 0,
  bufferPer: 'episode',
  maxEpisodeSteps: 1000,
  secondsBy: () => ({}),
})

/** Iterations of one episode of 10 steps, the last of them evaluated. */
export function events(first: number, count: number): TrainEvent[] {
  return Array.from({ length: count }, (_, k): TrainEvent[] => {
    const i = first + k
    const steps = 10 * i
    const episode = { command: 20, return: i, fullReturn: 2 * i, length: 10, best: i, seconds: i }
    return [
      { type: 'episode', steps, episode: i, ...episode },
      { type: 'iteration', steps, iteration: i, metrics: { criticLoss: 1 / i, generatorLoss: null }, seconds: i },
      ...(k === count - 1
        ? [
            {
              type: 'evaluation' as const,
              ...{ steps, episode: i, command: i, predicted: -1e9, returns: [1, 3], mean: 2, std: 1 },
              ...{ achievedMean: 1.5, achievedStd: 0.5 },
            },
          ]
        : []),
    ]
  }).flat()
}

/** All of it: from the start at `steps` to the end. */
export async function report(
  reporter: Reporter,
  run: string,
  steps: number,
  all: readonly TrainEvent[],
  how: RunEnd = 'finished',
): Promise<void> {
  reporter.start(start(run, steps))
  for (const event of all) reporter.event(event)
  await reporter.end(how)
}
