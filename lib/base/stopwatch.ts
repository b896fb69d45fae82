/** Adds up the seconds spent in each phase of the work. */
export class Stopwatch {
  readonly total: Record<string, number>

  /** @param phases listed from the start, also where no time has been spent in them */
  constructor(phases: readonly string[] = []) {
    this.total = Object.fromEntries(phases.map((phase) => [phase, 0]))
  }

  /** Measures some work. */
  async of<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await work()
    } finally {
      this.add(phase, (performance.now() - start) / 1000)
    }
  }

  /** Adds seconds that were measured elsewhere. */
  add(phase: string, seconds: number): void {
    this.total[phase] = (this.total[phase] ?? 0) + seconds
  }
}
