// The peer: a Python process (peer/peer.py) that does the same work in PyTorch and Gymnasium. It answers each line with
// a line.
import { spawn, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { GogepoError } from '../dist/base/errors.js'

const program = join(dirname(fileURLToPath(import.meta.url)), 'peer', 'peer.py')

/** Returns `python` if it has the packages the peer needs. */
export function findPeer(python, { required, say }) {
  const { status, error, stderr } = spawnSync(python, ['-c', 'import torch, gymnasium, mujoco, safetensors'], {
    encoding: 'utf8',
  })
  if (status === 0) return python
  const why = error?.message ?? stderr.trim().split('\n').at(-1)
  const what = `The peer needs a Python with PyTorch and Gymnasium, and ${python} is not one (${why}). Name one with --python, made by: pip install torch "gymnasium[mujoco]==1.3.0" mujoco==3.14.0 safetensors`
  if (required) throw new GogepoError('ERR_ARGUMENT', what)
  say(`${what}\nContinuing without it.`)
  return undefined
}

export class Peer {
  constructor(python, casePath, checkedPath) {
    this.child = spawn(python, [program, casePath, checkedPath], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdin.on('error', () => {}) // if the process has ended, reading from it reports that
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
    this.ended = new Promise((settle) => this.child.on('error', settle).on('close', settle))
  }

  check() {
    return this.ask('check')
  }

  iterate(round) {
    return this.ask(`iterate ${round}`)
  }

  async ask(line) {
    this.child.stdin.write(`${line}\n`)
    const { done, value } = await this.lines.next()
    if (done)
      throw new GogepoError('ERR_ARGUMENT', `The peer ended instead of answering ${line}: see the message above.`)
    return JSON.parse(value)
  }

  async end() {
    this.child.stdin.end()
    await this.ended
  }
}
