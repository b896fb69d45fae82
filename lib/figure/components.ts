/** Principal components: the two directions in which points differ most. */
import { random } from '../study/random.js'

export interface Components {
  /** Each point in the two directions. */
  points: [x: number, y: number][]
  /** The share of the variance along each. */
  explained: [number, number]
}

const iterations = 300
const settled = 1e-10 // change of a direction

/** By power iteration on centered rows, without the matrix of covariances: rows are long. */
export function principalComponents(rows: readonly ArrayLike<number>[]): Components {
  const size = rows[0]!.length
  const mean = new Float64Array(size)
  for (const row of rows) for (let j = 0; j < size; j++) mean[j]! += row[j]! / rows.length
  const centered = rows.map((row) => Float64Array.from(row as ArrayLike<number>, (x, j) => x - mean[j]!))
  const total = centered.reduce((sum, row) => sum + dot(row, row), 0)
  const directions: Float64Array[] = []
  const explained: number[] = []
  const next = random(1)
  for (let k = 0; k < 2; k++) {
    let direction = unit(Float64Array.from({ length: size }, () => next() - 0.5))
    let variance = 0
    for (let i = 0; i < iterations; i++) {
      const sum = new Float64Array(size)
      for (const row of centered) {
        const along = dot(row, direction)
        for (let j = 0; j < size; j++) sum[j]! += along * row[j]!
      }
      for (const before of directions) {
        const along = dot(sum, before)
        for (let j = 0; j < size; j++) sum[j]! -= along * before[j]!
      }
      variance = Math.sqrt(dot(sum, sum))
      if (variance <= 1e-12 * total) break // nothing varies in any other direction
      const turned = unit(sum)
      const change = 1 - Math.abs(dot(turned, direction))
      direction = turned
      if (change < settled) break
    }
    directions.push(direction)
    explained.push(total > 0 ? variance / total : 0)
  }
  return {
    points: centered.map((row) => [dot(row, directions[0]!), dot(row, directions[1]!)]),
    explained: [explained[0]!, explained[1]!],
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector)) || 1
  return vector.map((x) => x / length)
}
