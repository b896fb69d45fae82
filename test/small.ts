// What keeps a run of the real loop on the real tasks short: networks of a few numbers, one thread.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRun, type RunOptions, type RunResult } from '../lib/run.js'
import type { Settings } from '../lib/config.js'

export const small = {
  policyHidden: [16],
  sliceSize: 8,
  generatorHidden: [16],
  criticHidden: [16],
  probingStates: 8,
  bufferSize: 20,
  evaluateEvery: 1000,
  evaluationEpisodes: 2,
} as const satisfies Partial<Settings>

export const oneThread = { threads: 1, torchThreads: 1, device: 'cpu' } as const

export function startSmall(options: RunOptions): Promise<RunResult> {
  return startRun({ ...oneThread, ...options, settings: { ...small, ...options.settings } })
}

/** The events of a run, without their times. */
export function events(run: string): Record<string, unknown>[] {
  const lines = readFileSync(join(run, 'events.jsonl'), 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => ({ ...(JSON.parse(line) as Record<string, unknown>), seconds: undefined }))
}
