/** What a study comes to: every run with its budget, checked before the first one starts. */
import { dirname, join, relative, resolve } from 'node:path'
import { settingsFor } from '../algorithms/algorithm.js'
import { findAlgorithm, findPreset } from '../algorithms/registry.js'
import { GogepoError } from '../base/errors.js'
import { parseCount } from '../base/words.js'
import { findTask } from '../env/find-task.js'
import { readTaskOptions, taskOptionsJson } from '../env/task-options.js'
import { isModulePath } from '../env/typescript-task.js'
import { openNative } from '../native/open.js'
import type { SettingValues } from '../settings/setting.js'
import { seedsOf, type Study } from './definition.js'

/** A task of a plan. */
export interface PlannedTask {
  name: string
  /** As `train` takes it. */
  id: string
  /** As JSON holds them: an infinite number is "inf". */
  options: Readonly<Record<string, unknown>>
  steps: number
  threshold: number | null
  stopAtThreshold: boolean
  /** Returns that count as 0 and 1 in averages over tasks; null where the task has no range of returns. */
  range: readonly [low: number, high: number] | null
}

/** A variant of a plan. */
export interface PlannedVariant {
  name: string
  algorithm: string
  preset: string
  /** Those that override the preset. */
  settings: SettingValues
  /** Whether learning is switched off. */
  control: boolean
}

/** study.json: the study as it is run, with everything resolved. */
export interface Plan {
  format: 1
  name: string
  description: string
  tasks: readonly PlannedTask[]
  variants: readonly PlannedVariant[]
  seeds: readonly number[]
  /** Whether finished runs are swept. */
  sweep: boolean
  /** What the study file no longer has, but the folder may have runs of. */
  former?: Pick<Plan, 'tasks' | 'variants'>
}

/** One run of a plan. */
export interface PlannedRun {
  /** Its folder below the study's: `<task>-<variant>/s<seed>`. */
  name: string
  task: PlannedTask
  variant: PlannedVariant
  seed: number
}

/** Every run, all variants and tasks with the first seed first: so that early results compare what is to be compared. */
export const runsOf = ({ tasks, variants, seeds }: Plan): PlannedRun[] =>
  seeds.flatMap((seed) =>
    tasks.flatMap((task) =>
      variants.map((variant) => ({ name: join(groupOf(task, variant), `s${seed}`), task, variant, seed })),
    ),
  )

/** Whether a run of this variant is swept when it has finished. */
export const sweeps = ({ sweep }: Plan, { algorithm }: PlannedVariant): boolean =>
  sweep && findAlgorithm(algorithm).takesCommands

const groupOf = (task: PlannedTask, variant: PlannedVariant): string => slug(`${task.name}-${variant.name}`)
const slug = (name: string): string => name.replaceAll(/[^\p{L}\p{N}_.=+-]+/gu, '-').replace(/^[.-]+/, '') // not hidden

/**
 * @param file where the study comes from: for messages, and because paths of modules are relative to it
 * @throws GogepoError ERR_ARGUMENT, ERR_SETTING, ERR_UNKNOWN_ENV, ERR_TASK_OPTION, ERR_ENVIRONMENT, ERR_PYTHON
 */
export async function planStudy(study: Study & { name: string }, file: string, python?: string): Promise<Plan> {
  const native = openNative('cpu')
  const variants: PlannedVariant[] = []
  for (const [name, { algorithm = 'gogepo', preset: given, settings = {}, control = false }] of Object.entries(
    study.variants,
  )) {
    const preset = await named(`${file}: variant ${name}`, () => findPreset(findAlgorithm(algorithm), given))
    variants.push({ name, algorithm, preset, settings, control })
  }
  const tasks: PlannedTask[] = []
  for (const given of study.tasks) {
    const one = typeof given === 'string' ? { id: given } : given
    const id = isModulePath(one.id) ? moduleFrom(file, one.id) : one.id
    const { spec, options } = await named(`${file}: task ${one.id}`, () =>
      findTask(native, id, readTaskOptions(one.options ?? {}), { python }),
    )
    for (const { name, algorithm, preset, settings, control } of variants)
      await named(`${file}: variant ${name} on ${one.id}`, () =>
        settingsFor(findAlgorithm(algorithm), spec, { given: settings, preset, control }),
      )
    const { returnMin, returnMax } = spec
    const declared = Number.isNaN(returnMin) || Number.isNaN(returnMax) ? null : ([returnMin, returnMax] as const)
    tasks.push({
      name: one.name ?? (isModulePath(one.id) ? spec.id : one.id),
      id,
      options: taskOptionsJson(options) as Readonly<Record<string, unknown>>,
      steps: stepsOf(one.steps ?? study.steps) ?? spec.trainingSteps,
      threshold: one.threshold ?? null,
      stopAtThreshold: one.stopAtThreshold ?? false,
      range: one.range ?? declared,
    })
  }
  const plan: Plan = {
    format: 1,
    name: study.name,
    description: study.description ?? '',
    tasks,
    variants,
    seeds: seedsOf(file, study),
    sweep: study.sweep ?? false,
  }
  refuseSameFolders(file, plan)
  return plan
}

const stepsOf = (steps: number | string | undefined): number | undefined =>
  typeof steps === 'string' ? parseCount(steps) : steps

const moduleFrom = (file: string, module: string): string => {
  const path = relative(process.cwd(), resolve(dirname(file), module))
  return path.startsWith('.') ? path : `./${path}`
}

/** Adds to a message what it is about. */
async function named<T>(what: string, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof GogepoError)) throw error
    throw new GogepoError(error.code, `${what}: ${error.message}`, { cause: error })
  }
}

/** @throws GogepoError ERR_ARGUMENT */
export function refuseSameFolders(file: string, { tasks, variants }: Pick<Plan, 'tasks' | 'variants'>): void {
  const groups = tasks.flatMap((task) => variants.map((variant) => groupOf(task, variant)))
  const folders = groups.map((group) => group.toLowerCase()) // which some file systems do not tell apart
  const twice = groups.find((_, i) => folders.indexOf(folders[i]!) !== i)
  if (twice !== undefined)
    throw new GogepoError(
      'ERR_ARGUMENT',
      `${file}: two tasks or variants have the same folder ${twice}. Give each task and variant a name of its own.`,
    )
}
