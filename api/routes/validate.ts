/** `POST /v1/validate`: an artifact before a validator. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { validateArtifact, validatorNames } from '#processors/validation/validate.query.ts'
import { FindingSchema, ValidatorContext } from './validate-schemas.ts'

const verdict = {
  kind: Type.Enum([...validatorNames]),
  findings: Type.Array(FindingSchema),
  elapsed_ms: Type.Number({ minimum: 0 }),
  grounded_in_roster: Type.Union([Type.Boolean(), Type.Null()], {
    description: 'Whether everybody named is in the roster; null where nobody was looked up.',
  }),
}

const Report = Type.Object({ passed: Type.Literal(true), ...verdict }, { $id: 'ValidationReport' })

const Refused = Type.Object(
  { error: FindingSchema, passed: Type.Literal(false), ...verdict },
  { $id: 'ValidationError', description: '`error` is the first of the findings.' },
)

const Body = Type.Object(
  {
    kind: Type.Enum([...validatorNames], { description: 'The validator.' }),
    artifact: Type.Unknown({ description: 'JSON, or as a text what a model wrote.' }),
    context: Type.Optional(ValidatorContext),
  },
  { additionalProperties: false },
)

export const validateRoutes: AddRoutes = (http, { lattice }) => {
  for (const schema of [Report, Refused]) http.addSchema(schema)
  http.post(
    '/v1/validate',
    {
      schema: {
        operationId: 'validate',
        summary: 'Judge an artifact',
        description: 'What a run would find, without a run. Nothing is written.',
        tags: ['iterate'],
        body: Body,
        response: answers(
          {
            200: { description: 'It passes.', schema: Report },
            422: { description: 'It does not pass.', schema: Refused },
          },
          ...codesOf.body,
          'roster.unconfigured',
          'roster.unavailable',
        ),
      },
    },
    async (request, reply) => {
      const { roster, clock } = lattice.given
      const report = await validateArtifact(request.body, { roster, clock })
      const [error] = report.findings
      if (error === undefined) return report
      return reply.code(422).send({ error, ...report })
    },
  )
}
