/** A process of gymnasium-worker.py: started, asked, ended. Idle, it keeps nobody's process alive. */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { GogepoError } from '../errors.js'

const script = fileURLToPath(new URL('../../lib/env/gymnasium-worker.py', import.meta.url)) // beside the source, also in the package

/** Seconds that an episode may take: one that takes longer is taken for hung. Imports and making the task have two minutes at least. */
const patience = (): number => {
  const seconds = Number(process.env['GOGEPO_EPISODE_SECONDS'] || 600)
  if (!(seconds > 0))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `GOGEPO_EPISODE_SECONDS: expected a number of seconds, got ${process.env['GOGEPO_EPISODE_SECONDS']}.`,
    )
  return seconds
}

/** A worker that gave no answer: why, and what it last wrote. */
export class WorkerFailure extends Error {
  constructor(
    readonly why: string,
    readonly wrote: string,
  ) {
    super(wrote === '' ? `${why}, and wrote nothing.` : `${why}. It last wrote:\n${wrote}`)
  }
}

export class PythonWorker {
  private readonly child: ChildProcess
  private readonly channel: Socket
  private received: Buffer[] = []
  private wrote = ''
  private asked:
    { answer: (answer: Buffer) => void; fail: (failure: WorkerFailure) => void; timer: NodeJS.Timeout } | undefined
  private failure: string | undefined

  /** @param task what the script is told */
  constructor(python: string, task: unknown) {
    this.child = spawn(python, [script, JSON.stringify(task, writeInfinity)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true, // Ctrl-C in a terminal is for us alone
      env: { OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1', ...process.env }, // one worker, one core
    })
    this.channel = this.child.stdio[3] as Socket
    const texts = [this.child.stdout, this.child.stderr] as Socket[]
    this.child.unref()
    for (const socket of [this.channel, ...texts]) socket?.unref().on('error', () => {}) // its end is told by what follows
    for (const text of texts)
      text?.on('data', (piece: Buffer) => (this.wrote = (this.wrote + piece.toString()).slice(-4000)))
    this.channel?.on('data', (piece: Buffer) => this.receive(piece))
    this.child.on('error', (error) => this.fail(error.message))
    this.child.on('exit', (code, signal) => {
      // What it wrote may still be on its way.
      const tell = (): void => this.fail(ending(code, signal))
      this.child.once('close', tell)
      setTimeout(tell, 500).unref()
    })
  }

  get ended(): boolean {
    return this.failure !== undefined || this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Sends a request, or with none waits for what the worker says first. @throws WorkerFailure */
  ask(request?: Buffer): Promise<Buffer> {
    return new Promise((answer, fail) => {
      const seconds = request === undefined ? Math.max(patience(), 120) : patience()
      if (this.failure !== undefined) return fail(this.said(this.failure))
      const timer = setTimeout(() => {
        this.fail(`gave no answer for ${seconds} seconds (GOGEPO_EPISODE_SECONDS)`)
        this.end()
      }, seconds * 1000)
      this.asked = { answer, fail, timer }
      this.channel.ref()
      if (request === undefined) return
      const length = Buffer.alloc(4)
      length.writeUInt32LE(request.length)
      this.channel.write(length)
      this.channel.write(request)
    })
  }

  /** The process that waits on the other side sees this, and ends the worker with all it has started. */
  end(): void {
    this.fail('was ended')
    this.channel?.destroy()
  }

  private receive(piece: Buffer): void {
    this.received.push(piece)
    const all = this.received.length === 1 ? piece : Buffer.concat(this.received)
    this.received = [all]
    if (all.length < 4 || all.length < 4 + all.readUInt32LE()) return
    this.received = []
    this.settle()?.answer(all.subarray(4))
  }

  private fail(why: string): void {
    this.failure ??= why
    this.settle()?.fail(this.said(this.failure))
  }

  private settle(): typeof this.asked {
    const { asked } = this
    this.asked = undefined
    clearTimeout(asked?.timer)
    this.channel?.unref()
    return asked
  }

  private said(why: string): WorkerFailure {
    return new WorkerFailure(why, this.wrote.trimEnd().split('\n').slice(-15).join('\n'))
  }
}

/** The script says a signal n as 256 − n. */
const ending = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal !== null
    ? `was ended by ${signal}`
    : code !== null && code > 192
      ? `was ended by signal ${256 - code}`
      : `ended with exit code ${code}`

/** JSON has no infinity. */
const writeInfinity = (_: string, value: unknown): unknown =>
  value === Infinity ? 'inf' : value === -Infinity ? '-inf' : value
