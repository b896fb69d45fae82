/** Seconds spent waiting for each kind of work. */
export class Stopwatch<Phase extends string> {
  readonly total = {} as Record<Phase, number>

  async of<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await work()
    } finally {
      this.total[phase] = (this.total[phase] ?? 0) + (performance.now() - start) / 1000
    }
  }

  /** Counts seconds of one kind of work as another's. */
  move(from: Phase, to: Phase, seconds: number): void {
    this.total[from] -= seconds
    this.total[to] = (this.total[to] ?? 0) + seconds
  }
}
