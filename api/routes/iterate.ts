/** `POST /v1/iterate`: generate, validate, tell the model what was wrong, again. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { openEventQueue } from '#api/http/event-queue.ts'
import { sendEvents } from '#api/http/event-stream.ts'
import { failed as failedRequest, problemText, saidOf } from '#api/http/problem.ts'
import { goneOf } from '#api/http/gone.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { traceOf } from '#api/http/trace.ts'
import type { IterateAnswer, IterateEvent } from '#processors/kinds/iterate/iterate.command.ts'
import { formatToken } from '#schemas/position.ts'
import { IterateBody, IterateFailure, IterateResponse } from './iterate-schemas.ts'

export const iterateRoutes: AddRoutes = (http, { gateway, lattice }) => {
  for (const schema of [IterateResponse, IterateFailure]) http.addSchema(schema)
  const failed = (description: string) => ({ description, schema: IterateFailure, headers: positionAndKey })
  http.post(
    '/v1/iterate',
    {
      schema: {
        operationId: 'iterate',
        summary: 'Generate, validate and correct, until an answer passes',
        description:
          'A refused answer goes back to the model with what was found. With `accept: text/event-stream` each call and ' +
          'verdict is told as it happens (`attempt.started`, `attempt.completed`, `attempt.failed`, `verdict.reached`), ' +
          'then one `result` with `status` and `body` as they would have been, also where the server stops meanwhile. ' +
          '`x-request-id` names the run.',
        tags: ['iterate'],
        headers: Type.Object({
          accept: Type.Optional(Type.String()),
          'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
          'x-lakehouse-trace-id': Type.Optional(
            Type.String({ description: 'Any text; echoed, and minted when absent.' }),
          ),
        }),
        body: IterateBody,
        response: answers(
          {
            200: {
              description: 'An answer passed.',
              schema: IterateResponse,
              alsoAs: 'text/event-stream',
              headers: positionAndKey,
            },
            402: failed('A budget is spent.'),
            422: failed('No answer passed within the limits.'),
            499: failed('The run was cancelled: by its caller, who has gone, or by somebody.'),
            500: failed('The validator failed.'),
            502: failed('No provider gave an answer.'),
            503: failed('Nobody can be asked, or the roster not read, now; or the server is being stopped.'),
            504: failed('No answer passed before the deadline, or no provider answered in time.'),
          },
          ...codesOf.body,
          ...codesOf.write,
          'idempotency.conflict',
          'run.open',
          'model.unknown',
          'server.closing',
          'provider.unconfigured',
          'roster.unconfigured',
          'roster.unavailable',
          'budget.spent',
          'budget.unpriced',
          'budget.unavailable',
          'position.not-reached',
          'store.locked',
        ),
      },
    },
    async (request, reply) => {
      const { max_iterations, max_tokens, cost_limit_usd, deadline_ms, retrieval, ...asked } = request.body
      const streamed = (request.headers.accept ?? '').includes('text/event-stream')
      const queue = openEventQueue()
      const gone = goneOf(request, reply)
      let told = false
      const tell = ({ event, data }: IterateEvent): void => {
        told = true
        queue.push(event, data)
      }
      const answering = gateway.iterate(
        {
          ...asked,
          maxIterations: max_iterations,
          maxTokens: max_tokens,
          costLimitUsd: cost_limit_usd,
          deadlineMs: deadline_ms,
          rosterRows: rowsOf(retrieval),
        },
        {
          ...traceOf(request, reply),
          principal: request.principal,
          idempotencyKey: request.headers['idempotency-key'],
          gone,
          onEvent: streamed ? tell : undefined,
          onRun: (runId) => void reply.header('x-request-id', runId),
        },
      )
      if (!streamed) {
        const answer = await answering
        void reply.headers({
          'x-request-id': answer.runId,
          'x-lattice-position': formatToken(lattice.journal.logId, [answer.position]),
          ...(answer.repeated ? { 'idempotency-replayed': 'true' } : {}),
        })
        const retryAfterMs = answer.failure?.retryAfterMs
        if (retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)))
        return reply
          .code(statusOf(answer))
          .type('application/json')
          .send(JSON.stringify(bodyOf(answer)))
      }
      const ending = answering.then(
        (answer) => queue.push('result', { status: statusOf(answer), body: bodyOf(answer) }),
        (error: unknown) => {
          // What goes wrong before anything is told has a status of its own.
          if (!told) throw error
          const said = saidOf(error)
          if (said.status === 500) lattice.given.report(failedRequest(error, request))
          queue.push('result', { status: said.status, body: JSON.parse(problemText(said)) as unknown })
        },
      )
      await Promise.race([queue.begun, ending])
      await sendEvents(request, reply, () => queue.until(ending))
      return reply
    },
  )
}

const positionAndKey = ['x-lattice-position', 'idempotency-replayed'] as const

/** Undefined where no retrieval is wanted. */
function rowsOf(retrieval: boolean | { readonly k: number } | undefined): number | undefined {
  if (retrieval === undefined || retrieval === false) return undefined
  return retrieval === true ? 20 : retrieval.k
}

function bodyOf({ accepted, failure, iterations, history, traceId }: IterateAnswer): Readonly<Record<string, unknown>> {
  const told = { iterations, history, trace_id: traceId }
  if (accepted !== undefined) return { ...accepted, ...told }
  return { error: failure?.message ?? '', code: failure?.code ?? 'internal', ...told }
}

/** 502 for whatever went wrong with the last call. */
const statuses: Readonly<Record<string, number>> = {
  max_iterations: 422,
  attempts: 422,
  cost: 422,
  'same-answer': 422,
  'schema-too-slow': 422,
  'validator-failed': 500,
  'roster-unavailable': 503,
  'budget-spent': 402,
  'budget-unpriced': 402,
  'budget-unavailable': 503,
  'breaker-open': 503,
  deadline: 504,
  timeout: 504,
  cancelled: 499,
  'server.closing': 503,
}

function statusOf({ failure }: IterateAnswer): number {
  return failure === undefined ? 200 : (statuses[failure.code] ?? 502)
}
