/** Files of a checkpoint, written so that a power cut leaves them whole or absent. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { chunkBytes, openAnewAsync, sync } from '../base/files.js'

/** Writes and syncs a file; returns the SHA-256 of what was written. */
export async function writeDurably(path: string, pieces: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  const file = await openAnewAsync(path)
  try {
    for (const bytes of pieces)
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, at, Math.min(chunkBytes, bytes.length - at))
        hash.update(bytes.subarray(at, (at += bytesWritten)))
      }
    await sync(file)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await sync(handle)
  } finally {
    await handle.close()
  }
}
