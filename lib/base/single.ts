/** What single precision holds, in which networks see returns. */

/** Whether both ends of a range are different numbers of single precision, and so is their difference. */
export const isSingleRange = (low: number, high: number): boolean =>
  [low, high, high - low].every((x) => Number.isFinite(Math.fround(x))) && Math.fround(low) < Math.fround(high)
