/** Finds wheels on a mirror: a package index as pip reads it, or a folder of wheels that a web server offers. */
import { decoded } from '../base/proxy.js'
import { HttpError, request } from './web.js'
import type { Pin } from './pins.js'

/** The address of a wheel. @throws GogepoError ERR_DOWNLOAD */
export async function locate(mirror: string, { name, file }: Pin, signal?: AbortSignal): Promise<string> {
  const base = mirror.endsWith('/') ? mirror : `${mirror}/`
  for (const page of [`${name}/`, '']) {
    const found = await linkOn(new URL(page, base).href, file, signal)
    if (found !== undefined) return found
  }
  return new URL(encodeURIComponent(file), base).href
}

async function linkOn(page: string, file: string, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await request(page, undefined, signal)
    if (!(answer.headers.get('content-type') ?? '').includes('html')) {
      await answer.body?.cancel()
      return undefined
    }
    for (const [, double, single] of (await answer.text()).matchAll(/<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)) {
      const link = (double ?? single!).replaceAll('&amp;', '&')
      if (!URL.canParse(link, answer.url)) continue
      const url = new URL(link, answer.url)
      const { origin, username, password } = new URL(page)
      if (url.origin === origin) Object.assign(url, { username, password })
      if (decoded(url.pathname).endsWith(`/${file}`)) {
        url.hash = '' // the page’s own hash; the pinned one counts
        return url.href
      }
    }
    return undefined
  } catch (error) {
    if (error instanceof HttpError && error.status < 500) return undefined // there may be the file without a page
    throw error
  }
}
