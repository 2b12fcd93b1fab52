import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Opened } from '#api/opened.ts'
import { routes } from '#api/routes/routes.ts'
import { version } from '#api/cli/version.ts'
import { Failure } from '#processors/ports/failure.ts'
import { authenticate } from './auth.ts'
import type { Principal } from './auth.ts'
import { Problem, sendProblem } from './problem.ts'

/**
 * The HTTP server: routes, schemas, docs page, tokens, problems.
 *
 * Promise: every body is validated before a route sees it, unknown fields are refused; the OpenAPI document says what is
 * served.
 */
export type Http = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

export interface HttpOptions {
  readonly tokens: ReadonlyMap<string, Principal>
  readonly corsOrigins: readonly string[]
  readonly metrics: () => Promise<{ contentType: string; body: string }>
}

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal
  }
}

/** Bodies up to this size; larger values are refused with 413. */
export const bodyLimitBytes = 32 * 1024 * 1024
const open = new Set(['/health', '/ready', '/docs', '/openapi.json'])

export async function createHttp(opened: Opened, options: HttpOptions): Promise<Http> {
  const http = fastify({
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
    logger: false,
  })
    .setValidatorCompiler(TypeBoxValidatorCompiler)
    .withTypeProvider<TypeBoxTypeProvider>()
  const principalOf = authenticate(options.tokens)
  http.decorateRequest('principal', 'local')
  http.setErrorHandler(sendProblem)
  http.setNotFoundHandler((request) => {
    throw Object.assign(new Failure('request.invalid', `there is no ${request.method} ${request.url.split('?')[0]}`), {})
  })
  http.addHook('onRequest', async (request) => {
    const path = request.url.split('?')[0] ?? ''
    if (open.has(path) || path.startsWith('/docs/')) return
    request.principal = principalOf(request)
  })
  if (options.corsOrigins.length > 0) {
    await http.register(cors, {
      origin: options.corsOrigins.includes('*') ? '*' : [...options.corsOrigins],
      exposedHeaders: ['x-lattice-position', 'location'],
    })
  }
  http.addSchema(Problem)
  await http.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Lattice', version, description: 'Runs small-model work and remembers all of it.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      ...(options.tokens.size > 0 ? { security: [{ token: [] }] } : {}),
    },
    refResolver: { buildLocalReference: (schema, _base, _fragment, index) => String(schema['$id'] ?? `def-${index}`) },
  })
  await http.register(swaggerUi, { routePrefix: '/docs' })
  http.get('/openapi.json', { schema: { hide: true } }, async () => http.swagger())
  for (const add of routes) add(http, opened, options)
  await http.ready()
  return http
}
