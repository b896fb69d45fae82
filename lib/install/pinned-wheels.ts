import type { PinnedLibtorch } from './pins.js'
export const pinnedLibtorches: readonly PinnedLibtorch[] = []
