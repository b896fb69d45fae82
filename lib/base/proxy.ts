/** HTTP through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. */
import type { EnvHttpProxyAgent, RequestInit, Response } from 'undici'
import { GogepoError } from './errors.js'

const silence = 60_000 // milliseconds without an answer or a byte

let agent: EnvHttpProxyAgent | undefined

/** The dispatcher for undici's fetch. @throws GogepoError ERR_ARGUMENT if a variable holds no address */
export async function proxyAgent(): Promise<EnvHttpProxyAgent> {
  const { EnvHttpProxyAgent } = await import('undici') // large, and needed by few calls only
  // Proxies often refuse to connect to other ports than that of https; without a tunnel, http needs no connection.
  try {
    return (agent ??= new EnvHttpProxyAgent({ headersTimeout: silence, bodyTimeout: silence, proxyTunnel: false }))
  } catch (cause) {
    throw new GogepoError(
      'ERR_ARGUMENT',
      'HTTPS_PROXY or HTTP_PROXY is no address of a proxy, such as http://proxy.example:3128. Correct it, or unset it.',
      { cause },
    )
  }
}

/** undici's fetch. @throws GogepoError ERR_ARGUMENT if a variable holds no address; else as fetch does */
export async function fetchThroughProxy(url: string, init: RequestInit): Promise<Response> {
  const { fetch } = await import('undici')
  return fetch(url, { ...init, dispatcher: await proxyAgent() })
}

/** The innermost message of a failed request, in one line: undici wraps the system's, and OpenSSL adds where in its code it was. */
export function whyUnreachable(error: unknown): string {
  const { cause, message, code, reason } = error as NodeJS.ErrnoException & { reason?: unknown }
  if (cause instanceof Error) return whyUnreachable(cause)
  if (typeof reason === 'string') return reason
  return message.trim() || code || String(error)
}

/** An address without the password that it may contain. */
export function withoutPassword(address: string): string {
  try {
    const url = new URL(address)
    if (url.username || url.password) Object.assign(url, { username: '', password: '' })
    return url.href
  } catch {
    return address
  }
}
