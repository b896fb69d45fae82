import { short } from '../base/words.js'
import type { RunResult } from '../run/start.js'

/** The last evaluation of a run. The full reward follows where it differs: the command and the best return are in stored units. */
export function lastEvaluationInWords(last: NonNullable<RunResult['lastEvaluation']>): string {
  const command = last.command === null ? '' : `commanded ${short(last.command)}, `
  const full = last.mean === last.achievedMean ? '' : ` (full reward ${short(last.mean)} ± ${short(last.std)})`
  return `last evaluation: ${command}achieved ${short(last.achievedMean)} ± ${short(last.achievedStd)}${full}`
}
