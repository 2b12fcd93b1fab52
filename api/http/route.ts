import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Opened } from '#api/opened.ts'
import type { Principal } from './auth.ts'

/** What a group of routes is: a function that adds them to the server. */
export type AddRoutes = (http: Http, opened: Opened, options: HttpOptions) => void

export type Http = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface HttpOptions {
  readonly routes: readonly AddRoutes[]
  readonly version: string
  readonly tokens: ReadonlyMap<string, Principal>
  /** Origins whose pages may read answers; `*` for all. */
  readonly corsOrigins: readonly string[]
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  /** Whether all of this process is up, as `/ready` says; where it is not given, it is. */
  readonly started?: () => boolean
  /** Bytes of bodies that may be under way; 1 GiB without. */
  readonly mostBodyBytes?: number
  /** How long a client may take to send its headers and its whole request, and how often that is looked at. */
  readonly patience?: {
    readonly headersMs: number
    readonly requestMs: number
    readonly lookEveryMs: number
    /** How long it may take nothing of its answer. */
    readonly stalledMs?: number
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal
  }
  interface FastifyInstance {
    /** Aborted when the server begins to close. */
    closing: AbortSignal
  }
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean
  }
}
