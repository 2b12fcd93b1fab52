/**
 * Requests to one model server over kept-alive connections.
 *
 * Promise: the key goes to that server alone (no redirect is followed), and `hideKey` takes it out of whatever comes
 * back. Idle connections don't keep the process alive. Time is limited by the caller's signal, not here, so that one
 * deadline covers connecting, waiting and reading.
 */
import { type Dispatcher, Pool } from 'undici'
import type { CallTrace } from '#processors/ports/model-provider.ts'
import { endpointOf } from './endpoint.ts'

export interface Client {
  /** Base URL without credentials. */
  readonly shown: string
  /** The response once its headers are in. Rejects with undici's error. */
  send(request: ClientRequest): Promise<Dispatcher.ResponseData>
  hideKey(text: string): string
  close(): Promise<void>
}

export interface ClientRequest {
  readonly method: 'GET' | 'POST'
  /** Below the base URL, such as `/chat/completions`. */
  readonly resource: string
  readonly body?: string
  readonly trace?: CallTrace | undefined
  readonly signal: AbortSignal
}

export interface ClientOptions {
  readonly apiKey: string | undefined
  readonly local: boolean
}

const connectTimeoutMs = 10_000
const keepAliveMs = 15_000
/** As `shortestSecret` of the configuration: a shorter key would garble the text it is taken out of. */
const shortestKey = 6

export function openClient(baseUrl: string, { apiKey, local }: ClientOptions): Client {
  const endpoint = endpointOf(baseUrl, { local })
  const authorization = apiKey === undefined ? endpoint.authorization : `Bearer ${apiKey}`
  const secrets = [apiKey, endpoint.authorization?.slice('Basic '.length)].filter(
    (one) => (one?.length ?? 0) >= shortestKey,
  )
  const pool = new Pool(endpoint.origin, {
    connect: { timeout: connectTimeoutMs },
    keepAliveTimeout: keepAliveMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'lattice',
    ...(authorization !== undefined && { authorization }),
  }
  const headersWithBody = { ...headers, 'content-type': 'application/json' }
  return {
    shown: endpoint.shown,
    async send({ method, resource, body, trace, signal }) {
      const path = endpoint.pathOf(resource)
      const fixed = body === undefined ? headers : headersWithBody
      const all = trace === undefined ? fixed : { ...fixed, ...traceHeaders(trace, local) }
      return await pool.request({ method, path, headers: all, ...(body !== undefined && { body }), signal })
    },
    hideKey: (text) =>
      secrets.reduce<string>(
        (hidden, secret) => (secret === undefined ? hidden : hidden.replaceAll(secret, '[redacted]')),
        text,
      ),
    close: async () => await pool.destroy(),
  }
}

/** A header takes Latin-1 without control characters; another trace id is known by what `traceparent` made of it. */
const asHeader = /^[\t\x20-\x7e\x80-\xff]+$/

function traceHeaders({ traceparent, traceId }: CallTrace, local: boolean): Record<string, string> {
  const told = local && traceId !== null && asHeader.test(traceId)
  return { traceparent, ...(told && { 'x-lakehouse-trace-id': traceId }) }
}
