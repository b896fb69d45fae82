/** A process that runs python/worker.py. While it is idle, it does not keep this process alive. */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { GogepoError } from '../base/errors.js'
import { packageFolder } from '../base/package.js'

const script = join(packageFolder, 'lib', 'env', 'python', 'worker.py') // next to the source, also in the package

/** Every message begins with these bytes and its length; anything else was written by the task, not by the worker. */
const magic = 0x6f707067 // "gppo"
const headerBytes = 8

/** The most seconds until the interpreter runs the script, and then until the imports are done and the task is made. */
const startLimits = { helloSeconds: 60, startSeconds: 120 }

/** The most bytes that a process may write before it runs the script: Python itself writes next to nothing. */
const mostBeforeHello = 1 << 20

/** How many seconds a worker that plays may take to answer after training was asked to stop. */
const graceSeconds = 2

/** The most seconds that one answer may take; a task that takes longer is considered hung. */
const answerSeconds = (): number => {
  const seconds = Number(process.env['GOGEPO_EPISODE_SECONDS'] || 600)
  if (!(seconds > 0))
    throw new GogepoError(
      'ERR_ARGUMENT',
      `GOGEPO_EPISODE_SECONDS: expected a number of seconds, got ${process.env['GOGEPO_EPISODE_SECONDS']}.`,
    )
  return seconds
}

/** Why the channel carries something else than answers, once the worker has begun to use it. */
const strayed =
  'wrote to a file descriptor that it had not opened: the task, or a package it uses, closed or reused descriptors that it does not own'

/** A worker that gave no answer: why, its last output, and as `cause` why the system did not start it. */
export class WorkerFailure extends Error {
  constructor(
    readonly why: string,
    readonly output: string,
    cause?: Error,
  ) {
    super(output === '' ? `${why}, and wrote nothing.` : `${why}. Its last output:\n${output}`, { cause })
  }
}

/** Workers that do not run the script yet: nothing in them notices that this process has ended. */
const starting = new Set<PythonWorker>()
process.on('exit', endStarting)

let onStarting: (some: boolean) => void = () => {}

/**
 * Calls a function when the first worker starts, and when none is starting any more: in between, `endStarting` must run before this
 * process ends. For the command line: a program has its own handlers for signals.
 */
export function watchStarting(listener: (some: boolean) => void): void {
  onStarting = listener
}

/** Ends the processes that would not notice that this one has ended. */
export function endStarting(): void {
  for (const worker of starting) worker.end()
}

interface Question {
  answer: (answer: Buffer) => void
  fail: (failure: WorkerFailure | GogepoError) => void
  timer: NodeJS.Timeout
  /** It waits for the interpreter to start or for the task to be made, not for an episode. */
  starting: boolean
}

export class PythonWorker {
  private readonly child: ChildProcess
  private readonly channel: Socket
  private received: Buffer = Buffer.alloc(0)
  private output = ''
  private written = 0 // bytes of output, all together
  private question: Question | undefined
  private greeted = false
  private failure: string | undefined
  private notStarted: Error | undefined
  private interruption: GogepoError | undefined
  private readonly answerSeconds = answerSeconds()

  /** @param task the script's argument, as JSON */
  constructor(
    private readonly python: string,
    task: unknown,
    private readonly limits = startLimits,
  ) {
    this.child = spawn(python, [script, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true, // a Ctrl-C in the terminal must reach only this process
      env: { OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1', ...process.env }, // one worker, one core
    })
    starting.add(this)
    if (starting.size === 1) onStarting(true)
    this.channel = this.child.stdio[3] as Socket
    const outputs = [this.child.stdout, this.child.stderr] as Socket[]
    this.child.unref()
    for (const socket of [this.channel, ...outputs]) socket?.unref().on('error', () => {}) // the exit of the process is reported below
    for (const stream of outputs) stream?.on('data', (piece: Buffer) => this.write(piece))
    this.channel?.on('data', (piece: Buffer) => this.receive(piece))
    this.child.on('error', (error) => {
      this.hasStarted()
      this.notStarted = error
      this.fail(error.message)
    })
    this.child.on('exit', (code, signal) => {
      this.hasStarted()
      // Its last output may not have arrived yet.
      const report = (): void => this.fail(this.greeted ? ending(code, signal) : this.isNoPython(ending(code, signal)))
      this.child.once('close', report)
      setTimeout(report, 500).unref()
    })
  }

  get ended(): boolean {
    return this.failure !== undefined || this.child.exitCode !== null || this.child.signalCode !== null
  }

  /**
   * Sends a request and waits for its answer. Without a request, waits for the description of the task.
   * @throws WorkerFailure
   */
  answer(request?: Buffer): Promise<Buffer> {
    return new Promise((answer, fail) => {
      if (this.failure !== undefined) return fail(this.failed(this.failure))
      const starting = request === undefined
      this.question = { answer, fail, timer: this.limit(starting), starting }
      this.channel.ref()
      if (request === undefined) return
      const header = Buffer.alloc(headerBytes)
      header.writeUInt32LE(magic, 0)
      header.writeUInt32LE(request.length, 4)
      this.channel.write(header)
      this.channel.write(request)
    })
  }

  private limit(starting: boolean): NodeJS.Timeout {
    const give = (seconds: number, why: string): NodeJS.Timeout =>
      setTimeout(() => {
        this.fail(why)
        this.end()
      }, seconds * 1000)
    if (!starting)
      return give(this.answerSeconds, `gave no answer for ${this.answerSeconds} seconds (GOGEPO_EPISODE_SECONDS)`)
    const { helloSeconds, startSeconds } = this.limits
    if (this.greeted)
      return give(startSeconds, `did not finish importing and making the task within ${startSeconds} seconds`)
    return give(helloSeconds, this.isNoPython(`did not do so within ${helloSeconds} seconds`))
  }

  private isNoPython(what: string): string {
    return `did not behave like a Python interpreter of version 3.10 or newer: asked to run a script, ${this.python} ${what}`
  }

  /** Keeps the end of what it writes. */
  private write(piece: Buffer): void {
    this.output = (this.output + piece.toString()).slice(-4000)
    this.written += piece.length
    if (this.greeted || this.written <= mostBeforeHello) return
    this.output = this.output.slice(-200)
    this.fail(this.isNoPython('wrote something else, and did not stop'))
    this.end()
  }

  /** From now on it notices the end of this process, or has ended itself. */
  private hasStarted(): void {
    if (starting.delete(this) && starting.size === 0) onStarting(false)
  }

  /**
   * Closes the channel: the parent process of the worker notices, and kills the worker with everything it has started.
   * A process that does not run the script notices nothing, and is killed here.
   */
  end(): void {
    this.fail('was ended')
    this.channel?.destroy()
    if (!starting.has(this)) return
    this.hasStarted()
    // Detached, it leads a process group of its own: a script that calls an interpreter is not the only one in it.
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGKILL')
    } catch {
      this.child.kill('SIGKILL') // the group has just ended, or belongs to another user
    }
  }

  /** Ends a worker whose answer did not come from the script: later ones would answer the wrong requests. */
  refuse(): WorkerFailure | GogepoError {
    this.fail(strayed)
    this.end()
    return this.failed(strayed)
  }

  /** Training was asked to stop: ends a worker that is starting, and one that does not answer soon. */
  interrupt(): void {
    this.interruption ??= new GogepoError('ERR_INTERRUPTED', 'Interrupted while a Python process was running the task.')
    if (this.question?.starting) this.end()
    else setTimeout(() => this.end(), graceSeconds * 1000).unref()
  }

  private receive(piece: Buffer): void {
    this.received = this.received.length === 0 ? piece : Buffer.concat([this.received, piece])
    while (this.received.length >= headerBytes) {
      const isHello = (): boolean => this.received.readUInt32LE(4) === 0
      if (this.received.readUInt32LE(0) !== magic || !(this.greeted || isHello())) {
        this.fail(this.greeted ? strayed : this.isNoPython('sent something else'))
        this.end()
        return
      }
      const end = headerBytes + this.received.readUInt32LE(4)
      if (this.received.length < end) return
      const message = this.received.subarray(headerBytes, end)
      this.received = this.received.subarray(end)
      // The first message is empty: the script is running and begins its imports.
      if (!this.greeted) {
        this.greeted = true
        this.hasStarted()
        if (this.question) {
          clearTimeout(this.question.timer)
          this.question.timer = this.limit(true)
        }
      } else this.settle()?.answer(message)
    }
  }

  private fail(why: string): void {
    this.failure ??= why
    this.settle()?.fail(this.failed(this.failure))
  }

  private settle(): Question | undefined {
    const { question } = this
    this.question = undefined
    clearTimeout(question?.timer)
    this.channel?.unref()
    return question
  }

  private failed(why: string): WorkerFailure | GogepoError {
    if (this.interruption !== undefined) return this.interruption
    return new WorkerFailure(why, this.output.trimEnd().split('\n').slice(-15).join('\n'), this.notStarted)
  }
}

/** The script reports signal n as exit code 256 − n. */
const ending = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal !== null
    ? `was ended by ${signal}`
    : code !== null && code > 192
      ? `was ended by signal ${256 - code}`
      : `ended with exit code ${code}`
