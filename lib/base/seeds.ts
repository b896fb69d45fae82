/** Lists of random seeds as people write them. */
const most = 1024

/** `1..16`, `1,4,7` or both: `1..3,9`. @throws Error saying what was expected */
export function parseSeeds(text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const [, low, high = low] = /^\s*(\d{1,15})(?:\.\.(\d{1,15}))?\s*$/.exec(part) ?? []
    if (low === undefined || Number(high) < Number(low))
      throw new Error(`Expected seeds such as 1..16 or 1,4,7, got ${part === '' ? 'nothing' : part}.`)
    if (Number(high) - Number(low) >= most) throw new Error(`Expected at most ${most} seeds.`)
    return Array.from({ length: Number(high) - Number(low) + 1 }, (_, i) => Number(low) + i)
  })
  requireSeeds(seeds)
  return seeds
}

/** @throws Error when one is there twice, or when they are too many */
export function requireSeeds(seeds: readonly number[]): void {
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i)
  if (twice !== undefined) throw new Error(`Expected each seed once, got ${twice} twice.`)
  if (seeds.length > most) throw new Error(`Expected at most ${most} seeds.`)
}
