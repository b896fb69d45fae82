// What a process lives through while gogepo is in it: each case is a process of its own (test/lifecycle/child.mjs). None may end by a
// signal that nobody sent, and none may stay. test/deep/lifecycle.test.ts does more of the same.
import { tmpdir } from 'node:os'
import t from 'tap'
import { live, type Life } from './lifecycle/live.js'

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'
const disposed = 'ERR_DISPOSED'
const busy = 'ERR_BUSY'
const lives: Life[] = [
  {
    what: 'no LibTorch: an error, and the process continues',
    args: ['opens'],
    env: { GOGEPO_LIBTORCH: '/nowhere' },
    says: { code: 'ERR_LIBTORCH_NOT_FOUND', goesOn: 2 },
  },
  {
    what: 'no addons: an error, and the process continues',
    args: ['opens'],
    flags: ['--no-addons'],
    says: { code: 'ERR_ADDON', goesOn: 2 },
  },
  {
    what: 'under Node’s permission model, with the flags that SECURITY.md names',
    args: ['trains'],
    flags: [permission, '--allow-addons', '--allow-fs-read=*', `--allow-fs-write=${tmpdir()}/`],
    says: { trained: true },
  },
  { what: 'a training, then the end of the program', args: ['trains'], says: { trained: true } },
  ...[0, 10, 40].map((after) => ({
    what: `process.exit() ${after} ms after training, a fit and a rollout began`,
    args: ['exits', String(after)],
    exit: 7,
  })),
  { what: 'an error of the host’s that nobody catches, while training', args: ['throws', '30'], exit: 1 },
  {
    what: 'aborted at random moments: saved, quiet, resumable',
    args: ['aborts', '5'],
    says: { interrupted: true, resumed: 5 },
  },
  {
    what: 'dispose: idle, twice, running, used afterwards',
    args: ['disposes'],
    says: {
      after: [disposed, disposed, disposed, disposed],
      busy: [busy, busy, busy],
      ended: [disposed, disposed],
      left: disposed,
    },
  },
  { what: 'ten thousand handles forgotten, some at work', args: ['forgets'], says: { left: 0 } },
  { what: 'workers that end, one after another', args: ['workers', '4'], says: { goesOn: true } },
  { what: 'workers terminated while they train, fit and roll out', args: ['terminates', '4'], says: { objects: 0 } },
  { what: 'three trainings in three threads: the numbers of one alone', args: ['together'], says: { same: true } },
]
for (const life of lives) t.test(life.what, (t) => live(t, life))
