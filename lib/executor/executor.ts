/** An engine that runs the runs of a study elsewhere: on a cluster whose machines share the study's folder. */
/** What an engine is to run: a command for each of these runs, with one CPU each. */
export interface Handover {
  /** The study's name, and its folder: the path that every machine has it at. */
  name: string
  folder: string
  /** Where the commands are run; paths of tasks are relative to it. */
  cwd: string
  /** The places of the runs among the study's runs, ascending. */
  runs: readonly number[]
  /** How many runs the study has. */
  count: number
  /** Runs at a time; as many as the engine allows when left out. */
  jobs: number | undefined
  /** The program gogepo on this machine. */
  gogepo: readonly string[]
  /**
   * Its arguments that train a run, before the run's place. It ends with 0 when the run has finished, and at once if it
   * had; with 130 when a signal interrupted it, saved: called again, it continues; with anything else when it failed.
   */
  arguments: readonly string[]
}

/** Hands the runs over and returns once the engine has accepted them. @returns what happens next, for people */
export type Executor = (handover: Handover) => Promise<string>
