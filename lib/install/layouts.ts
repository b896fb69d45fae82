/** Which files of an archive make up a LibTorch. A LibTorch folder has the layout of wheels: torch/ beside nvidia/. */
import type { Placing } from './unpack.js'

/**
 * What a LibTorch is for: running on a CPU, which takes a small part of a CUDA wheel; running on CUDA devices as well; or
 * building the addon, which takes headers.
 */
export type Kind = 'cpu' | 'cuda' | 'build'

/** Free space that an installation from whole wheels takes, in bytes: the wheels and what is unpacked from them. */
export const spaceFor: Readonly<Record<Kind, number>> = { cpu: 1e9, cuda: 6e9, build: 1.8e9 }

const kept: Readonly<Record<Kind, RegExp>> = {
  // The CPU part of a CUDA build is linked against two libraries of the CUDA runtime, which work without a GPU.
  cpu: /^(torch\/version\.py|torch\/lib\/lib(c10|torch_cpu|gomp[^/]*)\.so[^/]*|nvidia\/cu13\/lib\/lib(cudart|cupti)\.so\.13)$/,
  cuda: /^(torch\/version\.py|(torch|nvidia\/.*)\/lib\/[^/]*\.so[^/]*)$/,
  build: /^(torch\/version\.py|torch\/(lib|include)\/.*|nvidia\/.*|torch-[^/]*\.dist-info\/licenses\/LICENSE)$/,
}
const forPythonOnly = /^torch\/lib\/lib(torch_python|shm)/

/** For wheels of torch and of the CUDA runtime. */
export const ofWheel =
  (kind: Kind): Placing =>
  (name) =>
    kept[kind].test(name) && !forPythonOnly.test(name) ? name : undefined

/** For the archive that PyTorch publishes: one folder, libtorch/, which holds every library that it needs. */
const ofArchive =
  (kind: Kind): Placing =>
  (name) => {
    const path = /^libtorch\/(.*)$/.exec(name)?.[1]
    const wanted = kind === 'build' ? /^(lib|include)\/|^build-version$/ : /^lib\/[^/]*\.so[^/]*$|^build-version$/
    return path !== undefined && wanted.test(path) && !forPythonOnly.test(`torch/${path}`) ? `torch/${path}` : undefined
  }

/** For any zip file; the paths in the two differ. */
export const ofEither =
  (kind: Kind): Placing =>
  (name) =>
    ofWheel(kind)(name) ?? ofArchive(kind)(name)
