// Native objects that are alive once everything that can be collected has been.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openNative } from '../lib/native/open.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** What is collected is counted once its finalizers have run. */
export async function collected(): Promise<{ objects: number; workspace: number }> {
  for (let i = 0; i < 5; i++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return openNative().memory()
}
