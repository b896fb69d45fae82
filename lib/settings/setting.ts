/**
 * How settings are declared, completed and checked. Each setting is written once, in the table of its algorithm or in the common
 * one; the TypeScript types, the checks, `--help` and docs/settings.md follow from there. C++ has no defaults.
 */
import { didYouMean, GogepoError } from '../base/errors.js'
import type { ValueType } from '../base/values.js'
import { describe, quoted, showValue } from '../base/words.js'

/**
 * method: part of a run's identity, fixed for its lifetime. schedule: when something happens around the learning. compute: where and
 * how it is computed. The last two may change when a run is resumed.
 */
export type Scope = 'method' | 'schedule' | 'compute'

/** A setting: its type, default and documentation. */
export interface Setting<T> {
  readonly type: ValueType<T>
  /** undefined: the task decides. */
  readonly default: T | undefined
  readonly help: string
  /** Where the default comes from. */
  readonly source: string
  readonly scope: Scope
}

/** Settings by name. */
export type SettingsTable = Readonly<Record<string, Setting<unknown>>>

/** The values of a table's settings. */
export type SettingsOf<T extends SettingsTable> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never
}

/** Values of settings whose table is not known to the compiler. */
export type SettingValues = Readonly<Record<string, unknown>>

/** Declares a setting. @param value its default; undefined lets the task decide */
export const setting = <T>(
  type: ValueType<T>,
  value: NoInfer<T> | undefined,
  help: string,
  source: string,
  scope: Scope = 'method',
): Setting<T> => ({ type, default: value, help, source, scope })

/** In words, for help and documentation. */
export const showDefault = ({ default: value }: Setting<unknown>): string =>
  value === undefined ? 'set by the task' : showValue(value)

/** What may determine a setting, the first that does so wins; then its default. */
export interface SettingSources {
  given: SettingValues
  preset: SettingValues
  task: SettingValues
}

/**
 * Every setting of a table, from the given values, the preset, the task and the defaults.
 * @throws GogepoError ERR_SETTING for an unknown name or a value out of range
 */
export function completeSettings(table: SettingsTable, { given, preset, task }: SettingSources): SettingValues {
  for (const name of [...Object.keys(given), ...Object.keys(preset)])
    if (!Object.hasOwn(table, name)) throw unknownSetting(table, name)
  const all: Record<string, unknown> = {}
  for (const [name, { type, default: standard }] of Object.entries(table)) {
    const value = [given[name], preset[name], task[name], standard].find((candidate) => candidate !== undefined)
    if (!type.fits(value))
      throw value === undefined
        ? new GogepoError(
            'ERR_SETTING',
            `Setting ${name}: the task does not set it, so it must be given: --set ${name}=<value>, ${type.expected}.`,
          )
        : unfit(name, type, value)
    all[name] = Array.isArray(value) ? [...(value as unknown[])] : value // the caller may change its own list later
  }
  return all
}

/** The error of a value that does not fit. */
export const unfit = (name: string, { expected, fault }: ValueType<unknown>, value: unknown): GogepoError =>
  new GogepoError(
    'ERR_SETTING',
    `Setting ${name}: expected ${expected}, got ${showGiven(value)}. ${fault?.(value) ?? ''}`.trimEnd(),
  )

const showGiven = (value: unknown): string =>
  Array.isArray(value) ? quoted(`[${value.map(String).join(', ')}]`) : describe(value)

/**
 * Reads settings as `--set` takes them: name=value.
 * @throws GogepoError ERR_SETTING when one is malformed, unknown or out of range
 */
export function parseSettings(table: SettingsTable, texts: readonly string[]): SettingValues {
  return Object.fromEntries(texts.map((text) => parseSetting(table, text)))
}

function parseSetting(table: SettingsTable, text: string): [name: string, value: unknown] {
  const equals = text.indexOf('=')
  if (equals <= 0)
    throw new GogepoError('ERR_SETTING', `--set: expected name=value, such as noise=0.05, got "${quoted(text)}".`)
  const name = text.slice(0, equals).trim()
  if (!Object.hasOwn(table, name)) throw unknownSetting(table, name)
  const { type } = table[name]!
  const given = text.slice(equals + 1)
  const value = type.parse(given.trim())
  if (!type.fits(value)) throw unfit(name, type, given)
  return [name, value]
}

function unknownSetting(table: SettingsTable, name: string): GogepoError {
  return new GogepoError(
    'ERR_SETTING',
    `Unknown setting "${quoted(name)}".${didYouMean(name, Object.keys(table))} List the settings with: gogepo algorithms <name>`,
  )
}
