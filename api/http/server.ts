import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Opened } from '#api/opened.ts'
import type { Signal } from '#processors/ports/report.ts'
import { authenticate } from './auth.ts'
import { refuseConnection } from './client-error.ts'
import { boundBodies, usualBodies } from './bodies.ts'
import { watchConnections } from './connections.ts'
import { Problem, sendProblem } from './problem.ts'
import { readJson } from './read-json.ts'
import type { Http, HttpOptions } from './route.ts'
import { watchRoutes } from './routes-of.ts'
import { keepTraceId, traceOf } from './trace.ts'
import { usualUnsent, watchUnsent } from './unsent.ts'
import { compileValidator } from './validate.ts'
import { refuseAmbiguous, refuseBody } from './well-formed.ts'

/**
 * The HTTP server: routes, schemas, docs page, tokens, problems.
 *
 * Promise: a request is well-formed, from somebody who may ask, and valid before a route sees it; whatever is refused is
 * a problem document, down to bytes that are no HTTP. Closing ends streams and waiting reads at once, and lets answers
 * under way finish.
 */

/** Bodies up to this size; larger ones are refused with 413. */
export const bodyLimitBytes = 32 * 1024 * 1024
const defaultPatience: NonNullable<HttpOptions['patience']> = {
  headersMs: 15_000,
  requestMs: 120_000,
  lookEveryMs: 5_000,
}
const mostConnections = 8_192
/** What is under way has so long to end when the server closes. */
const closeWithinMs = 5_000
/** A client that reads nothing of its answer for so long has gone, whatever its connection says. */
const usualStalledMs = 60_000
const openAddresses = /^\/(health|ready|openapi\.json|docs(\/.*)?)$/

export async function createHttp(opened: Opened, options: HttpOptions): Promise<Http> {
  const { headersMs, requestMs, lookEveryMs, stalledMs = usualStalledMs } = options.patience ?? defaultPatience
  const closing = new AbortController()
  const problem = sendProblem(opened.lattice.given.report)
  const http = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestMs,
    http: { headersTimeout: headersMs, connectionsCheckingInterval: lookEveryMs, requireHostHeader: false },
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    logger: false,
    frameworkErrors: (error, request, reply) => told(error, request, reply),
    clientErrorHandler: refuseConnection,
  }).withTypeProvider<TypeBoxTypeProvider>()
  http.setValidatorCompiler(compileValidator as Parameters<typeof http.setValidatorCompiler>[0])
  http.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) =>
    readJson(body),
  )
  http.decorateRequest('principal', 'local')
  http.decorate('closing', closing.signal)
  // More could take every file this process may open, and then the log can't be written.
  http.server.maxConnections = mostConnections
  const connections = watchConnections(http.server, { graceMs: closeWithinMs, stalledMs })
  watchUnsent(http.server, { ...usualUnsent, onCut: (bytes) => opened.lattice.given.report(cutOff(bytes)) })
  http.addHook('preClose', async () => {
    closing.abort()
    connections.end()
  })

  const routes = watchRoutes(http)
  /** In the form of the address, also where it is the method that is wrong and no route was met. */
  function told(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    traceOf(request, reply)
    const errors = routes.errorsAt(request.url) ?? problem
    errors.call(http, error as FastifyError, request, reply)
  }
  http.setErrorHandler(told)
  http.setNotFoundHandler((request) => routes.refuse(request.method, request.url))
  http.addHook('onRoute', (route) => {
    if (openAddresses.test(route.url)) route.config = { ...route.config, open: true }
  })
  if (options.corsOrigins.length > 0) {
    await http.register(cors, {
      origin: options.corsOrigins.includes('*') ? '*' : [...options.corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: [
        'x-lattice-position',
        'location',
        'idempotency-replayed',
        'x-lakehouse-trace-id',
        'x-request-id',
        'retry-after',
      ],
    })
  }
  const principalOf = authenticate(options)
  const { mostBodyBytes: mostBytes = usualBodies.mostBytes } = options
  const boundBody = boundBodies({ ...usualBodies, mostBytes, largestBytes: bodyLimitBytes })
  http.addHook('onRequest', async (request, reply) => {
    traceOf(request, reply)
    void reply.header('x-content-type-options', 'nosniff')
    refuseAmbiguous(request)
    request.principal = principalOf(request)
    // Before the body of a request that goes nowhere is read.
    if (request.is404) routes.refuse(request.method, request.url)
    refuseBody(request)
    boundBody(request, reply)
  })

  http.addHook('onSend', async (_, reply, payload) => keepTraceId(reply, payload))

  http.addSchema(Problem)
  await http.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Lattice',
        version: options.version,
        description: 'Runs small-model work and remembers all of it.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      ...(options.tokens.size > 0 ? { security: [{ token: [] }] } : {}),
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `def-${index}`,
    },
  })
  await http.register(swaggerUi, { routePrefix: '/docs' })
  for (const add of options.routes) add(http, opened, options)
  await http.ready()
  return http
}

function cutOff(bytes: number): Signal {
  const message = `a client that does not take its answer was cut off: ${Math.ceil(bytes / 1024)} KiB were held for it`
  return { signal: 'notice', message }
}
