/** The cache, which holds what was fetched, and the command that fetches it. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { isClone } from '../base/package.js'

export type Environment = Readonly<Record<string, string | undefined>>

export const cacheFolder = (env: Environment = process.env): string =>
  resolve(env['GOGEPO_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gogepo'))

/** Fetches LibTorch. In a clone it also fetches MuJoCo and builds the addon; an installed package contains both. */
export const setupCommand = isClone ? 'npm run setup' : 'npx gogepo setup'

/**
 * How to replace a LibTorch or MuJoCo that is damaged.
 * @param variable the environment variable that names another one
 */
export function replacementFor(folder: string, variable: string, env: Environment = process.env): string {
  const cache = cacheFolder(env)
  if (!`${folder}/`.startsWith(`${cache}/`)) return `Reinstall it, or set ${variable} to another one.`
  const [kind, version] = folder.slice(cache.length + 1).split('/')
  return `Delete ${join(cache, kind!, version ?? '')} and fetch it again with: ${setupCommand}`
}
