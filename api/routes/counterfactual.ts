/** `POST /v1/replay/counterfactual`: past runs carried out again on another model or under another system prompt. */
import { counterfactualReport } from '#api/counterfactual-report.ts'
import { answers, codesOf } from '#api/http/answers.ts'
import { goneOf } from '#api/http/gone.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import { CounterfactualBody, CounterfactualReport } from './counterfactual-schemas.ts'

const usualConcurrency = 4

export const counterfactualRoutes: AddRoutes = (http, { gateway }) => {
  http.addSchema(CounterfactualReport)
  http.post(
    '/v1/replay/counterfactual',
    {
      schema: {
        operationId: 'replayCounterfactual',
        summary: 'Carry past runs out again, and lay each beside what it was',
        description:
          'Frozen messages and passages, another `model` or `system`; of the past runs nothing changes. `POST /v1/sql` over ' +
          'the view `runs` finds them. Asked again it is carried out again: no Idempotency-Key. A client that goes cancels ' +
          'what is under way.',
        tags: ['models'],
        body: CounterfactualBody,
        response: answers(
          { 200: { description: 'What it came to, also where runs were left out.', schema: CounterfactualReport } },
          ...codesOf.body,
          ...codesOf.write,
          'model.unknown',
          'server.closing',
          'store.unknown',
        ),
      },
    },
    async (request, reply) => {
      const { runs, model, system, concurrency = usualConcurrency } = request.body
      if (model === undefined && system === undefined)
        throw new Failure('request.invalid', 'nothing is to be different', { remedy: 'Give model, system or both.' })
      const gone = goneOf(request, reply)
      const { principal } = request
      const compared = await gateway.counterfactual(runs, { model, system, concurrency, principal, gone })
      // What is half done is no report; its runs are on the log.
      if (isFailure(gone.reason)) throw gone.reason
      return counterfactualReport(compared, { model, system })
    },
  )
}
