/**
 * HTTP for setup: through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, with each failure as one sentence.
 * A download that was interrupted continues where it stopped, if the server can do that.
 */
import { appendFileSync } from 'node:fs'
import { rm, stat, truncate } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher, Response } from 'undici'
import { hashFile } from '../base/files.js'
import { GogepoError, hasCode } from '../base/errors.js'
import { authorizationOf, proxyAgent, whyUnreachable, withoutPassword } from '../base/proxy.js'
import { requireSpace, unwritable } from './staging.js'

export interface Transfer {
  /** Bytes of this file that are here, and its size where the server says it. */
  progress?(bytes: number, total: number | undefined): void
  signal?: AbortSignal | undefined
  /** Before the first retry, in milliseconds; doubled for each further one. */
  pause?: number
}

const tries = 4 // in a row without a new byte

/**
 * @param address may contain a user name and a password
 * @param range such as bytes=0-99
 * @throws GogepoError ERR_DOWNLOAD
 */
export async function request(address: string, range: string | undefined, signal?: AbortSignal): Promise<Response> {
  const { DecoratorHandler, fetch } = await import('undici') // large, and needed for downloads only
  const agent = await proxyAgent()
  // fetch refuses an address with a password in it. It does not pass the header on to another server.
  const authorization = authorizationOf(address)
  const url = withoutPassword(address)
  const headers = {
    'accept-encoding': 'identity',
    ...(range !== undefined && { range }),
    ...(authorization !== undefined && { authorization }),
  }
  // undici 7 crashes when a server closes the connection while its parser is paused (nodejs/undici#5360), as every server of
  // HTTP/1.0 does. Here it is never paused: what has come is written to the disk before the next piece is read.
  const dispatcher = agent.compose((dispatch) => (options, handler) => {
    const unpaused = new DecoratorHandler(handler) as Dispatcher.DispatchHandler
    const [start, data] = [unpaused.onResponseStart?.bind(unpaused), unpaused.onResponseData?.bind(unpaused)]
    unpaused.onResponseStart = (controller, ...head) => start?.(withoutPause(controller), ...head)
    unpaused.onResponseData = (controller, chunk) => data?.(withoutPause(controller), chunk)
    return dispatch(options, unpaused)
  })
  const ask = (): Promise<Response> => fetch(url, { headers, dispatcher, ...(signal && { signal }) })
  // Once more, for the case that the server had just closed a connection that was still open from before.
  const answer = await ask()
    .catch(ask)
    .catch((error: Error) => {
      signal?.throwIfAborted()
      throw unreachable(url, error)
    })
  if (answer.ok || answer.status === 416) return answer
  await answer.body?.cancel()
  throw new HttpError(url, answer.status)
}

function withoutPause(controller: Dispatcher.DispatchController): Dispatcher.DispatchController {
  return {
    aborted: controller.aborted,
    paused: false,
    reason: controller.reason,
    abort: (reason) => controller.abort(reason),
    pause: () => {},
    resume: () => controller.resume(),
  }
}

/** The server answered, but not with the file. */
export class HttpError extends GogepoError {
  constructor(
    url: string,
    readonly status: number,
  ) {
    const [what, then] =
      status === 404 || status === 410
        ? ['has no such file', 'Check the address']
        : isTemporary(status)
          ? ['has failed', 'Try again later']
          : ['refuses to send it', 'Check the address and the credentials in it']
    super(
      'ERR_DOWNLOAD',
      `${withoutPassword(url)} could not be downloaded: the server ${what} (HTTP status ${status}). ${then}, or ${elsewhere}`,
    )
  }
}

/** Too many requests at once, or a fault of the server. */
const isTemporary = (status: number): boolean => status === 429 || status >= 500

/** What to do when a source does not work. */
export const elsewhere = 'give another source with --mirror <url> or --from <file, folder or url>.'

function unreachable(url: string, cause: Error): GogepoError {
  return new GogepoError(
    'ERR_DOWNLOAD',
    `${withoutPassword(url)} could not be reached: ${whyUnreachable(cause)}. ${isAboutTrust(cause) ? 'If you trust it, set NODE_EXTRA_CA_CERTS to a file with the certificate of who signed its own' : 'Check the network and the proxy (HTTPS_PROXY, HTTP_PROXY)'}, or ${elsewhere}`,
    { cause },
  )
}

/** Whether a certificate is right but for who signed it. */
function isAboutTrust({ cause, code = '' }: NodeJS.ErrnoException): boolean {
  if (cause instanceof Error) return isAboutTrust(cause)
  return /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code)
}

/**
 * Downloads a file to `path`, where an earlier attempt may have left the beginning.
 * @throws GogepoError ERR_DOWNLOAD, ERR_DISK_FULL, ERR_FILE
 */
export async function download(
  url: string,
  path: string,
  sha256: string | undefined,
  how: Transfer = {},
): Promise<void> {
  let most = await sizeOf(path)
  for (let failures = 0; ;) {
    try {
      await continueDownload(url, path, how)
      break
    } catch (error) {
      const here = await sizeOf(path)
      failures = here > most ? 1 : failures + 1
      most = Math.max(most, here)
      await retry(url, error, failures, how)
    }
  }
  if (sha256 === undefined) return
  const got = hashFile(path)
  if (got === sha256) return
  await rm(path)
  throw wrongHash(url, sha256, got)
}

export const wrongHash = (what: string, expected: string, got: string): GogepoError =>
  new GogepoError(
    'ERR_DOWNLOAD',
    `${withoutPassword(what)} is not the expected file: its SHA-256 is ${got} instead of ${expected}. It was deleted; try again, or ${elsewhere}`,
  )

/** Waits before another attempt; throws where another one is pointless. `failures`: those since the last new byte. */
async function retry(url: string, error: unknown, failures: number, { signal, pause = 500 }: Transfer): Promise<void> {
  signal?.throwIfAborted()
  const temporary =
    error instanceof HttpError ? isTemporary(error.status) : error instanceof Cut || hasCode(error, 'ERR_DOWNLOAD')
  if (!temporary || failures >= tries) throw error instanceof Cut ? cutOff(url, error) : error
  await sleep(pause * 2 ** (failures - 1), undefined, { signal })
}

/** The bytes of a file on a server from `start` up to `end`. @throws GogepoError ERR_DOWNLOAD */
export async function* readRange(
  url: string,
  start: number,
  end: number,
  received: (bytes: number) => void,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let most = start
  for (let at = start, failures = 0; at < end;) {
    try {
      const answer = await request(url, `bytes=${at}-${end - 1}`, signal)
      if (answer.status !== 206 || startOf(answer, at) !== at) {
        await answer.body?.cancel()
        throw new GogepoError(
          'ERR_DOWNLOAD',
          `${withoutPassword(url)} could not be downloaded: the server did not send the part that was asked for (HTTP status ${answer.status}). Try again, or ${elsewhere}`,
        )
      }
      for await (const chunk of answer.body ?? []) {
        at += (chunk as Uint8Array).length
        received((chunk as Uint8Array).length)
        yield chunk as Uint8Array
      }
      if (at < end) throw new Error('the connection ended')
    } catch (cause) {
      failures = at > most ? 1 : failures + 1
      most = at
      const ended = cause instanceof GogepoError ? cause : new Cut(at - start, end - start, cause)
      await retry(url, ended, failures, { signal })
    }
  }
}

/** Where the part of a file begins that a server sends; as it was asked for where the server does not say. */
const startOf = ({ headers }: Response, asked: number): number =>
  Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? asked)

/** The connection ended before the file did. */
class Cut extends Error {
  constructor(
    readonly received: number,
    readonly total: number | undefined,
    cause: unknown,
  ) {
    super('cut', { cause })
  }
}
function cutOff(url: string, { received, total, cause }: Cut): GogepoError {
  const of = total === undefined ? '' : ` of ${total}`
  return new GogepoError(
    'ERR_DOWNLOAD',
    `The connection to ${withoutPassword(url)} was cut after ${received}${of} bytes, ${tries} times. Run the same command again: it continues there if the server allows it; or ${elsewhere}`,
    { cause },
  )
}

async function continueDownload(url: string, path: string, { progress, signal }: Transfer): Promise<void> {
  let here = await sizeOf(path)
  let answer = await request(url, here > 0 ? `bytes=${here}-` : undefined, signal)
  if (answer.status === 416) {
    // The file is already here as a whole, or a longer one was.
    await answer.body?.cancel()
    const size = Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1])
    if (size === here) return
    await rm(path, { force: true })
    here = 0
    answer = await request(url, undefined, signal)
  }
  if (here === 0)
    append(path, new Uint8Array()) // what the server sends may be empty
  else if (answer.status !== 206 || startOf(answer, here) !== here) {
    await truncate(path, 0)
    here = 0
    if (answer.status === 206) {
      await answer.body?.cancel()
      answer = await request(url, undefined, signal)
    }
  }
  const length = answer.headers.get('content-length')
  const total = length === null ? undefined : here + Number(length)
  try {
    if (length !== null) requireSpace(dirname(path), Number(length), basename(path))
  } catch (error) {
    await answer.body?.cancel()
    throw error
  }
  progress?.(here, total)
  try {
    for await (const chunk of answer.body ?? []) {
      append(path, chunk as Uint8Array)
      here += (chunk as Uint8Array).length
      progress?.(here, total)
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof GogepoError) throw error
    throw new Cut(here, total, error)
  }
  if (total !== undefined && here < total) throw new Cut(here, total, undefined)
}

/** @throws GogepoError ERR_DISK_FULL, ERR_FILE */
export function append(path: string, bytes: Uint8Array): void {
  try {
    appendFileSync(path, bytes)
  } catch (error) {
    throw unwritable(error, path)
  }
}

/** 0 where there is no file. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )
