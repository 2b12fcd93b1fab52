/**
 * The URLs of an OpenAI-compatible server below its base URL.
 *
 * Promise: `shown` holds no credentials and no query, so it may stand in messages, events and logs.
 */
export interface Endpoint {
  /** Scheme, host and port, where connections go. */
  readonly origin: string
  /** The base as people may see it, without a slash at the end. */
  readonly shown: string
  /** Path and query of a resource, such as `/chat/completions`. */
  pathOf(resource: string): string
  /** `Basic …` for a base URL with user and password. */
  readonly authorization: string | undefined
}

/** Reads a base URL; one of a local server without a path (`http://localhost:11434`) means its `/v1`. */
export function endpointOf(baseUrl: string, options: { readonly local?: boolean } = {}): Endpoint {
  const url = new URL(baseUrl)
  const given = url.pathname.replace(/\/+$/, '')
  const path = given === '' && options.local === true ? '/v1' : given
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`
  return {
    origin: url.origin,
    shown: `${url.origin}${path}`,
    pathOf: (resource) => `${path}${resource}${url.search}`,
    authorization: credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
