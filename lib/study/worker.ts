/**
 * The process of one run of a study. It trains the run that its first message names and reports to the study's process.
 * When that asks it to stop, or has died, it finishes its iteration and saves.
 */
import type { Compute } from '../run/compute.js'
import { StudyFolder } from './folder.js'
import { trainPlanned, type TrainingEnd, type TrainingEvent } from './train-run.js'

/** What the study's process asks for: the run with this name in the study in this folder. */
export type ToWorker = { type: 'train'; folder: string; run: string; compute: Compute } | { type: 'stop' }

/** What it reports. */
export type FromWorker = TrainingEvent | TrainingEnd

if (process.send !== undefined) listen()

function listen(): void {
  const stop = new AbortController()
  // A terminal sends signals to the whole group: the study's process decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
  process.on('disconnect', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
  process.on('message', (message: ToWorker) => {
    if (message.type === 'stop') return stop.abort()
    const folder = StudyFolder.open(message.folder)
    const run = folder.runs().find(({ name }) => name === message.run)!
    void trainPlanned(folder, run, { ...message.compute, signal: stop.signal, onEvent: send })
      .then(send)
      .then(() => process.connected && process.disconnect())
  })
}

function send(message: FromWorker): void {
  // After the study's process has died, nobody listens, and the run is only saved.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
