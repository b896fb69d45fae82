/** The wheels that LibTorch and MuJoCo come in, pinned by hash, and the versions that gogepo is tested with. */
import type { Pin } from './pin.js'
import { pinnedVersions } from './pinned-wheels.js'

export { pinnedVersions }
export type { Pin, PinnedLibtorch } from './pin.js'

/** The LibTorch that setup installs if none is named, and that gogepo is tested with. */
export const defaultVersion = '2.13.0'

export const pinnedMinors: readonly string[] = pinnedVersions.map(({ version }) =>
  version.split('.').slice(0, 2).join('.'),
)

export const mujocoVersion = '3.14.0'
export const mujocoPin: Pin = {
  name: 'mujoco',
  version: mujocoVersion,
  file: 'mujoco-3.14.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl',
  sha256: '922983dfdf88d29f4eb0f451a1d18867156d9fc97e3df6e63b9933cc0eba4d38',
}
