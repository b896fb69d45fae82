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
export function whyUnreachable(error: NodeJS.ErrnoException & { reason?: string }): string {
  const { cause, message, code, reason } = error
  if (cause instanceof Error) return whyUnreachable(cause)
  if (reason !== undefined && /^ERR_SSL/.test(code ?? '')) return reason
  // fetch has no words for this status alone, which a proxy may send that no variable names.
  return message.trim() || code || 'a proxy on the way asks for a password (HTTP status 407)'
}

/** The header for the user name and the password in an address, if it has them. */
export function authorizationOf(address: string): string | undefined {
  const { username, password } = new URL(address)
  return username || password ? basic(decoded(username), decoded(password)) : undefined
}

/** The header for a user name and a password. */
export const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

/** A part of an address without its percent signs, where they mean something. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
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
