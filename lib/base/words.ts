/** Values as text and text as values: one place for how numbers, bytes, times and unknown values are read and shown. */

/** The number that a text holds, such as -1.5 or 2e-6; NaN for anything else. */
export const parseNumber = (text: string): number =>
  /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN

/** As `parseNumber`, with a suffix: 10k is 10,000 and 3M is 3,000,000. */
export function parseCount(text: string): number {
  const factor = { k: 1e3, K: 1e3, M: 1e6 }[text.trim().slice(-1)] ?? 1
  if (factor === 1) return parseNumber(text)
  const product = parseNumber(text.trim().slice(0, -1)) * factor
  const count = Math.round(product) // 1.001k is 1000.9999999999999 before
  return Math.abs(product - count) < 1e-9 * factor ? count : NaN
}

/** Four significant digits, or whole numbers where that is more, as a person would write them. */
export const short = (x: number): string => {
  const size = Math.abs(x)
  if (size >= 1e9 || (x !== 0 && size < 0.01)) return x.toExponential(1)
  return String(Number(size >= 1000 ? x.toFixed(0) : x.toPrecision(4)))
}

/** With so many decimals, and without the sign of a zero. */
export const fixed = (x: number, decimals: number): string => x.toFixed(decimals).replace(/^-(0(?:\.0+)?)$/, '$1')

/** All digits that count: of a number of single precision, the fewest from which it is read again. */
export function shortest(x: number): string {
  for (let digits = 1; Math.fround(x) === x && digits < 10; digits++) {
    const fewer = Number(x.toPrecision(digits))
    if (Math.fround(fewer) === x) return String(fewer)
  }
  return String(x)
}

/** 12,345 */
export const count = (n: number): string => n.toLocaleString('en-US')

/** 1 episode, 2 episodes */
export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? '' : 's'}`

/** 1.2 GB, 340 MB, 12 kB */
export const formatBytes = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e5
      ? `${bytes >= 1e7 ? Math.round(bytes / 1e6) : (bytes / 1e6).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`

/** 42s, 3m 5s, 2h 10m */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '0s'
  const s = Math.round(seconds)
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`
  return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
}

/**
 * Untrusted text, made safe for a message: shortened, and without control characters that a terminal would interpret.
 */
export function quoted(text: string): string {
  const plain = text
    .slice(0, 80)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  return text.length > 80 ? `${plain}…` : plain
}

/** Any value in a few words, for "got …" in a message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'string') return JSON.stringify(quoted(value))
  if (value instanceof Promise) return 'a promise'
  if (Array.isArray(value))
    return value.length <= 4 && value.every((v) => typeof v === 'number')
      ? `[${value.join(', ')}]`
      : `an array of ${value.length}`
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`
  return typeof value === 'function' ? 'a function' : typeof value === 'symbol' ? 'a symbol' : 'an object'
}

/** A setting's value as `--set` takes it. */
export const showValue = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join(',') : typeof value === 'string' ? value : describe(value)
