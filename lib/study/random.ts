/** Random numbers for resampling: one seed gives one sequence on every machine. */

/** Numbers from 0 (included) to 1 (excluded): the generator sfc32, seeded by running it in. */
export function random(seed: number): () => number {
  let [a, b, c, counter] = [Math.floor(seed / 2 ** 32) | 0, seed | 0, 0x9e3779b9 | 0, 1]
  const next = (): number => {
    const out = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + out) | 0
    return (out >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 15; i++) next()
  return next
}
