/** User-defined tasks: a class or function that makes environments, passed by a program or exported by a module. */
import { existsSync, statSync } from 'node:fs'
import { basename, extname, isAbsolute, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GogepoError } from '../base/errors.js'
import type { EnvSpec } from '../native/contract.js'
import { describe } from '../base/words.js'
import { makeEnvironment, specOf, thrownInWords, type Environment, type EnvironmentFactory } from './environment.js'
import type { Task } from './task.js'
import { LockstepRollout } from './lockstep-rollout.js'
import { refusePythonFile } from './unknown-task.js'

/** The most episodes in progress at once, and so the most environments. */
const sideBySide = 64

/** Whether a task's name is the path of a module; no other task has a name of this form. */
export const isModulePath = (name: string): boolean => /^\.{0,2}\//.test(name) || /^[^:]*\.[cm]?[jt]s$/.test(name)

/**
 * A module's name in config.json: its path relative to the working directory, so that a project can be moved as a
 * whole.
 */
export function moduleName(path: string): string {
  const name = relative(process.cwd(), resolve(path)).split(sep).join('/')
  return name.startsWith('../') || isAbsolute(name) ? name : `./${name}`
}

/**
 * The task that a module exports as its default.
 * @throws GogepoError ERR_UNKNOWN_ENV, ERR_ENVIRONMENT
 */
export async function moduleTask(path: string): Promise<Task> {
  return userTask(await loadFactory(path), moduleName(path), basename(path, extname(path)))
}

/**
 * The task whose environments this factory makes.
 * @param name the task's name in config.json
 * @throws GogepoError ERR_ENVIRONMENT
 */
export async function userTask(factory: EnvironmentFactory, name = factoryName(factory), id = name): Promise<Task> {
  const first = await makeEnvironment(factory, name)
  const spec = readSpec(first, name, id)
  const task = {
    name,
    spec,
    limited: first.timeLimit !== undefined,
    sideBySide,
    make: () => makeEnvironment(factory, name),
  }
  return {
    name,
    options: {},
    spec,
    rollout: (native, policy) => new LockstepRollout(native, policy, task, [first]),
  }
}

function readSpec(environment: Environment, name: string, id: string): EnvSpec {
  try {
    return specOf(environment, name, id)
  } catch (error) {
    if (error instanceof GogepoError) throw error
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${name}: the properties of the environment could not be read: ${thrownInWords(error)}`,
      { cause: error },
    )
  }
}

const factoryName = (factory: EnvironmentFactory): string =>
  typeof factory === 'function' && /^[\w$-]+$/.test(factory.name) ? factory.name : 'task'

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()

/** A suggestion for a name that lacks its file extension: ` Did you mean the file …?`, or nothing. */
export function meantModule(name: string): string {
  const file = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'].map((ending) => name + ending).find(isFile)
  return file === undefined ? '' : ` Did you mean the file ${moduleName(file)}?`
}

/** The class or function that a module exports as its default. @throws GogepoError ERR_UNKNOWN_ENV, ERR_ENVIRONMENT */
export async function loadFactory(path: string): Promise<EnvironmentFactory> {
  refusePythonFile(path)
  const file = resolve(path)
  if (!isFile(file))
    throw new GogepoError(
      'ERR_UNKNOWN_ENV',
      `There is no module ${moduleName(path)} in ${process.cwd()}.${meantModule(path)} Pass a file whose default export is a class or function that makes environments; see docs/environments.md.`,
    )
  let module: { default?: unknown }
  try {
    module = await load(file)
  } catch (error) {
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${moduleName(path)} could not be loaded: ${thrownInWords(error)}${/Unexpected token 'export'|import statement outside/.test(String(error)) ? '. Node treats it as CommonJS: rename it to .mjs, or set "type": "module" in package.json.' : ''}`,
      { cause: error },
    )
  }
  if (typeof module.default !== 'function')
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${moduleName(path)}: expected its default export to be a class or a function that makes an environment, got ${describe(module.default)}. Write, for example: export default class MyTask { … }`,
    )
  return module.default as EnvironmentFactory
}

/**
 * Loads a module. TypeScript is compiled by jiti, without a cache on disk: Node supports it only from 22.18 on, and not
 * all of its syntax.
 */
async function load(file: string): Promise<{ default?: unknown }> {
  if (!/\.[cm]?ts$/.test(file)) return (await import(pathToFileURL(file).href)) as { default?: unknown }
  const { createJiti } = await import('jiti')
  return createJiti(import.meta.url, { fsCache: false, interopDefault: false }).import(file)
}
