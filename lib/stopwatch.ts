/** Seconds spent waiting for each kind of work. */
export class Stopwatch<Phase extends string> {
  readonly total = {} as Record<Phase, number>

  async of<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await work()
    } finally {
      this.add(phase, (performance.now() - start) / 1000)
    }
  }

  add(phase: Phase, seconds: number): void {
    this.total[phase] = (this.total[phase] ?? 0) + seconds
  }
}
