/** `POST /v1/replay`: a task carried out again with what is known of it by now, judged, and put on record. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { goneOf } from '#api/http/gone.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { traceOf } from '#api/http/trace.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { withoutPaths } from '#processors/ports/without-paths.ts'
import { formatToken } from '#schemas/position.ts'
import { ReplayBody, ReplayResult, ReplayUnlogged } from './replay-schemas.ts'

const positionAndKey = ['x-lattice-position', 'idempotency-replayed'] as const

export const replayRoutes: AddRoutes = (http, { gateway, lattice }) => {
  http.addSchema(ReplayResult)
  http.addSchema(ReplayUnlogged)
  http.post(
    '/v1/replay',
    {
      schema: {
        operationId: 'replay',
        summary: 'Replay a task',
        description:
          'Retrieve, ask the local model, judge, escalate where it is allowed. A failed call and an answer that does not ' +
          'pass are results (200, `validation_result.passed` false). 500 with a result: the run is on the log, and the ' +
          "shared file of replays can't be written now. The playbooks and that file are those of the server's root. " +
          '`x-request-id` names the run.',
        tags: ['models'],
        headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }),
        body: ReplayBody,
        response: answers(
          {
            200: { description: 'What it came to.', schema: ReplayResult, headers: positionAndKey },
            500: {
              description: 'What it came to, and why the shared file has no row of it.',
              schema: ReplayUnlogged,
              headers: positionAndKey,
            },
          },
          ...codesOf.body,
          ...codesOf.write,
          'idempotency.conflict',
          'model.unknown',
          'server.closing',
          'run.open',
          'position.not-reached',
          'budget.spent',
          'budget.unpriced',
          'budget.unavailable',
          'store.unknown',
        ),
      },
    },
    async (request, reply) => {
      const { body } = request
      const gone = goneOf(request, reply)
      const { runId, result, position, unlogged, repeated } = await gateway.replay(
        {
          task: body.task,
          localOnly: body.local_only === true,
          allowEscalation: body.allow_escalation === true,
          noRetrieval: body.no_retrieval === true,
          dryRun: body.dry_run === true,
          ...(body.local_model === undefined ? {} : { localModel: body.local_model }),
          ...(body.escalation_model === undefined ? {} : { escalationModel: body.escalation_model }),
        },
        {
          ...traceOf(request, reply),
          principal: request.principal,
          idempotencyKey: request.headers['idempotency-key'],
          gone,
        },
      )
      // What it came to is that it was stopped.
      if (isFailure(gone.reason) && !result.validation_result.passed) throw gone.reason
      void reply.headers({
        'x-request-id': runId,
        'x-lattice-position': formatToken(lattice.journal.logId, [position]),
        ...(repeated ? { 'idempotency-replayed': 'true' } : {}),
      })
      if (unlogged === undefined) return reply.send(result)
      const { code, message, remedy } = unlogged
      const { report } = lattice.given
      report({ signal: 'request.failed', method: 'POST', route: '/v1/replay', message, where: code })
      return reply.status(500).send({ ...result, error: { code, message: withoutPaths(message), remedy } })
    },
  )
}
