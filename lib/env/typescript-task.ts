/** Tasks of users' own: a class or function that makes environments, given in a program or exported by a module. */
import { statSync } from 'node:fs'
import { basename, extname, isAbsolute, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GogepoError } from '../base/errors.js'
import type { EnvSpec } from '../native/contract.js'
import { describe } from '../base/words.js'
import { makeEnvironment, specOf, thrownInWords, type Environment, type EnvironmentFactory } from './environment.js'
import type { Task } from './task.js'
import { LockstepRollout } from './lockstep-rollout.js'

/** Episodes in progress at once: as many environments, and as many policies in memory. */
const sideBySide = 64

/** Whether a task's name is the path of a module: no other task has such a name. */
export const isModulePath = (name: string): boolean => /^\.{0,2}\//.test(name) || /^[^:]*\.[cm]?[jt]s$/.test(name)

/** How config.json names a module: from the working directory on, so that a project that is moved as a whole finds it again. */
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
 * A task from what makes its environments.
 * @param name how config.json names it
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
    mayDiverge: false,
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
      `${name}: what it says of itself could not be read: ${thrownInWords(error)}`,
      {
        cause: error,
      },
    )
  }
}

const factoryName = (factory: EnvironmentFactory): string =>
  typeof factory === 'function' && /^[\w$-]+$/.test(factory.name) ? factory.name : 'task'

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** The module that was meant by a name without its ending, in words. */
export function meantModule(name: string): string {
  const file = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'].map((ending) => name + ending).find(isFile)
  return file === undefined ? '' : ` Did you mean the file ${moduleName(file)}?`
}

/** @throws GogepoError ERR_UNKNOWN_ENV, ERR_ENVIRONMENT */
export async function loadFactory(path: string): Promise<EnvironmentFactory> {
  const file = resolve(path)
  if (!isFile(file))
    throw new GogepoError(
      'ERR_UNKNOWN_ENV',
      `There is no module ${moduleName(path)} in ${process.cwd()}.${meantModule(path)} A task of your own is a file that exports a class or function as its default: docs/environments.md.`,
    )
  let module: { default?: unknown }
  try {
    module = await load(file)
  } catch (error) {
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${moduleName(path)} could not be loaded: ${thrownInWords(error)}${/Unexpected token 'export'|import statement outside/.test(String(error)) ? '. Node takes it for CommonJS: name it .mjs, or put "type": "module" into package.json.' : ''}`,
      { cause: error },
    )
  }
  if (typeof module.default !== 'function')
    throw new GogepoError(
      'ERR_ENVIRONMENT',
      `${moduleName(path)}: expected its default export to be a class or a function that makes an environment, got ${describe(module.default)}. Write: export default class MyTask { … }`,
    )
  return module.default as EnvironmentFactory
}

/** TypeScript by jiti, which leaves nothing on the disk: Node itself takes it only from 22.18, and then not all of it. */
async function load(file: string): Promise<{ default?: unknown }> {
  if (!/\.[cm]?ts$/.test(file)) return (await import(pathToFileURL(file).href)) as { default?: unknown }
  const { createJiti } = await import('jiti')
  return createJiti(import.meta.url, { fsCache: false, interopDefault: false }).import(file)
}
