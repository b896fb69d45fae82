/** Mean and population standard deviation. */
export function meanAndStd(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  return { mean, std: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) }
}

/** The least-squares line of y on x, and the share r² of y's variance that it explains. */
export function line(x: readonly number[], y: readonly number[]): { slope: number; intercept: number; r2: number } {
  const mx = meanAndStd(x).mean
  const my = meanAndStd(y).mean
  const sxx = x.reduce((sum, xi) => sum + (xi - mx) ** 2, 0)
  const sxy = x.reduce((sum, xi, i) => sum + (xi - mx) * (y[i]! - my), 0)
  const syy = y.reduce((sum, yi) => sum + (yi - my) ** 2, 0)
  const slope = sxy / sxx
  const intercept = my - slope * mx
  const residual = x.reduce((sum, xi, i) => sum + (y[i]! - intercept - slope * xi) ** 2, 0)
  return { slope, intercept, r2: syy === 0 ? 1 : 1 - residual / syy }
}

/** Evenly spaced numbers from one to another, including both; at least two. */
export const spread = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))
