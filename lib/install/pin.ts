/** What is pinned of a wheel, and which wheels a LibTorch is made of. */

export interface Pin {
  name: string
  version: string
  /** The wheel's file name. */
  file: string
  sha256: string
  /** Its size, where it is known. */
  bytes?: number
  /** The SHA-256 of its list of files, by which parts of the wheel can be checked without the rest. */
  list?: string
}

/**
 * A LibTorch made of wheels. The wheel of torch on pip's index is the CUDA build; with two libraries of the CUDA runtime
 * it also works on machines without a GPU.
 */
export interface PinnedLibtorch {
  version: string
  /** The CUDA version, as PyTorch writes it: cu130. */
  cuda: string
  torch: Pin
  runtime: Pin
  cupti: Pin
  /** Headers for building the code that captures CUDA graphs. */
  crt: Pin
  /** What else CUDA devices take: cuBLAS, cuDNN and others. */
  libraries: readonly Pin[]
}
