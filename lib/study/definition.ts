/** A study file: which tasks, which variants of which algorithms, and which seeds. Documented in docs/studies.md. */
import { existsSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { requireArgument } from '../base/arguments.js'
import { didYouMean, GogepoError } from '../base/errors.js'
import { readText, reasonOf } from '../base/files.js'
import { parseSeeds, requireSeeds } from '../base/seeds.js'
import { either, finite, list, plainObject, text, whole, type ValueType } from '../base/values.js'
import { describe, parseCount, quoted } from '../base/words.js'
import type { TaskOptions } from '../native/contract.js'
import type { SettingValues } from '../settings/setting.js'

/** Many runs: every variant on every task with every seed. */
export interface Study {
  /** In headings and as the name of its folder; the file’s name when left out. */
  name?: string | undefined
  /** What it is to show. */
  description?: string | undefined
  /** Ids, or tasks with more about them. */
  tasks: readonly (string | StudyTask)[]
  /** What is compared, by name. */
  variants: Readonly<Record<string, StudyVariant>>
  /** `1..20`, `1,4,7`, or a list of numbers. */
  seeds: string | readonly number[]
  /** The budget of each run in environment steps, a number or a text such as `3M`; each task’s usual one when left out. */
  steps?: number | string | undefined
  /** Also measures how well each run that takes commands follows them at its end, as `gogepo sweep` does. */
  sweep?: boolean | undefined
}

/** A task of a study. */
export interface StudyTask {
  /** As `gogepo train` takes it. The path of a module is relative to the study file. */
  id: string
  /** In tables and folders; the id when left out. */
  name?: string | undefined
  /** The task’s own options. */
  options?: TaskOptions | undefined
  /** The budget of its runs, instead of the study’s. */
  steps?: number | string | undefined
  /** The return that counts as success: the study reports the steps until an evaluation reaches it. */
  threshold?: number | undefined
  /** Ends a run at its first evaluation that reaches the threshold. */
  stopAtThreshold?: boolean | undefined
  /** The returns that count as 0 and 1 in averages over tasks; the task’s range of returns when left out. */
  range?: readonly [low: number, high: number] | undefined
}

/** One of the things that a study compares. */
export interface StudyVariant {
  /** gogepo when left out. */
  algorithm?: string | undefined
  /** The algorithm’s first preset when left out. */
  preset?: string | undefined
  /** Settings that override the preset. */
  settings?: SettingValues | undefined
  /** Switches learning off: the control with which a claim of learning is compared. */
  control?: boolean | undefined
}

/** Lets an editor check a study file in TypeScript: `export default defineStudy({ … })`. */
export const defineStudy = (study: Study): Study => study

const largest = 1 << 20 // bytes
const whatStudiesAre = 'A study is a JSON file, or a module that exports one as its default; see docs/studies.md.'

/**
 * Reads a study file, JSON or a module with a default export.
 * @throws GogepoError ERR_FILE when it cannot be read, ERR_ARGUMENT when it is not a study
 */
export async function readStudy(path: string): Promise<Study & { name: string }> {
  const study = checkStudy(path, await load(path))
  const byFile = basename(path, extname(path))
  if (study.name === undefined && !name.fits(byFile))
    refuse(path, `its file's name is no name for a study. Give it one: expected name to be ${name.expected}.`)
  return { ...study, name: study.name ?? byFile }
}

async function load(path: string): Promise<unknown> {
  if (!existsSync(path)) throw new GogepoError('ERR_FILE', `${path || '""'} does not exist. ${whatStudiesAre}`)
  try {
    if (!/\.[cm]?[jt]s$/.test(path)) return JSON.parse(readText(path, largest)) as unknown
    const file = resolve(path)
    if (!/\.[cm]?ts$/.test(file)) return ((await import(pathToFileURL(file).href)) as { default?: unknown }).default
    const { createJiti } = await import('jiti')
    const jiti = createJiti(import.meta.url, {
      fsCache: false,
      interopDefault: false,
      alias: { gogepo: new URL(`../index${extname(import.meta.url)}`, import.meta.url).pathname },
    })
    return (await jiti.import<{ default?: unknown }>(file)).default
  } catch (error) {
    throw new GogepoError('ERR_FILE', `${path} cannot be read as a study: ${reasonOf(error)}. ${whatStudiesAre}`, {
      cause: error,
    })
  }
}

const steps = either(whole(1), { ...text, expected: 'a text such as 3M', fits: isCount })
function isCount(value: unknown): value is string {
  return typeof value === 'string' && Number.isSafeInteger(parseCount(value)) && parseCount(value) >= 1
}

const name: ValueType<string> = {
  ...text,
  expected: 'a name of up to 80 letters, digits, spaces and the signs - _ . , = + ( ) :, with a letter or a digit',
  fits: (value): value is string =>
    typeof value === 'string' && /^(?=.*[\p{L}\p{N}])[\p{L}\p{N} _.,=+():-]{1,80}$/u.test(value),
}
const flag: ValueType<boolean> = {
  ...text,
  expected: 'true or false',
  fits: (v): v is boolean => typeof v === 'boolean',
}
const range: ValueType<readonly [number, number]> = {
  ...list,
  expected: 'two numbers, the lower one first',
  fits: (value): value is readonly [number, number] =>
    Array.isArray(value) && value.length === 2 && value.every((x) => finite.fits(x)) && value[0]! < value[1]!,
}

type Fields = Readonly<Record<string, ValueType<unknown>>>
const studyFields: Fields = {
  $schema: text,
  name,
  description: text,
  tasks: list,
  variants: plainObject,
  seeds: { ...either(text, list), expected: 'a text such as 1..20 or an array of whole numbers' },
  steps,
  sweep: flag,
}
const taskFields: Fields = {
  id: text,
  name,
  options: plainObject,
  steps,
  threshold: finite,
  stopAtThreshold: flag,
  range,
}
const variantFields: Fields = { algorithm: text, preset: text, settings: plainObject, control: flag }

/** @throws GogepoError ERR_ARGUMENT */
export function checkStudy(where: string, json: unknown): Study {
  requireFields(where, json, '', studyFields, ['tasks', 'variants', 'seeds'])
  const study = json as unknown as Study
  if (study.tasks.length === 0) refuse(where, 'expected tasks to have at least one task, such as "Swimmer-v5".')
  for (const [i, task] of study.tasks.entries()) {
    const at = `tasks[${i}]`
    if (typeof task === 'string') continue
    requireArgument(where, at, { ...plainObject, expected: 'the id of a task or an object with one' }, task)
    requireFields(where, task, at, taskFields, ['id'])
    if (task.stopAtThreshold && task.threshold === undefined)
      refuse(where, `${at} has stopAtThreshold but no threshold. Give it a threshold.`)
  }
  const variants = Object.entries(study.variants)
  if (variants.length === 0)
    refuse(where, 'expected variants to have at least one, such as { "paper": { "preset": "paper" } }.')
  for (const [key, variant] of variants) {
    requireArgument(where, `the variant's name "${quoted(key)}"`, name, key)
    requireFields(where, variant, `variants.${key}`, variantFields, [])
  }
  seedsOf(where, study)
  return study
}

/** @throws GogepoError ERR_ARGUMENT */
export function seedsOf(where: string, { seeds }: Pick<Study, 'seeds'>): number[] {
  try {
    if (typeof seeds === 'string') return parseSeeds(seeds)
    if (seeds.length === 0) throw new Error('Expected at least one seed.')
    for (const seed of seeds) requireArgument(where, 'each seed', whole(0), seed)
    requireSeeds(seeds)
    return [...seeds]
  } catch (error) {
    if (error instanceof GogepoError) throw error
    return refuse(where, `seeds: ${(error as Error).message}`)
  }
}

function requireFields(
  where: string,
  value: unknown,
  at: string,
  known: Fields,
  required: readonly string[],
): asserts value is Record<string, unknown> {
  requireArgument(where, at === '' ? 'the study' : at, plainObject, value)
  const object = value as Record<string, unknown>
  const path = (field: string): string => (at === '' ? field : `${at}.${field}`)
  for (const field of Object.keys(object)) {
    if (!Object.hasOwn(known, field))
      refuse(
        where,
        `unknown field ${quoted(path(field))}.${didYouMean(field, Object.keys(known))} The fields are: ${Object.keys(known).join(', ')}.`,
      )
    if (object[field] !== undefined) requireArgument(where, path(field), known[field]!, object[field])
  }
  const missing = required.find((field) => object[field] === undefined)
  if (missing !== undefined)
    refuse(where, `expected ${path(missing)} to be ${known[missing]!.expected}, got ${describe(undefined)}.`)
}

function refuse(where: string, problem: string): never {
  throw new GogepoError('ERR_ARGUMENT', `${where}: ${problem}`)
}
