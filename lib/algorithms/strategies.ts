/** The command strategies that come with gogepo, as programs see them. */
export { believed, best, bestPlusDrive, fixed, schedule, stored, uniform } from './commands.js'
