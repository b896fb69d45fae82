import { short } from '../base/words.js'
import type { EvaluationSummary } from '../train/trainer.js'

/** What was commanded and achieved. The full reward follows where it differs: the command and the best return are in stored units. */
export function evaluationInWords(of: EvaluationSummary): string {
  const command = of.command === null ? '' : `commanded ${short(of.command)}, `
  const full = of.mean === of.achievedMean ? '' : ` (full reward ${short(of.mean)} ± ${short(of.std)})`
  return `${command}achieved ${short(of.achievedMean)} ± ${short(of.achievedStd)}${full}`
}
