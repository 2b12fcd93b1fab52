/** `POST /v1/validate`: an artifact before a validator. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { validateArtifact, validatorNames } from '#processors/validation/validate.query.ts'

const FindingSchema = Type.Object({
  kind: Type.String({
    description: 'Empty, Syntax, Schema, Completeness, Consistency or Policy: what it is about.',
  }),
  code: Type.Union([Type.String(), Type.Null()], {
    description: 'Which one exactly; branch on this: wrong-count, phantom-id, city-mismatch, …',
  }),
  message: Type.String({ description: 'For people and models.' }),
  path: Type.Union([Type.String(), Type.Null()], { description: 'JSON pointer into the artifact.' }),
})

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

const ShortText = Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' })
const ShortTexts = Type.Union([ShortText, Type.Array(ShortText, { maxItems: 1000 })])

const Context = Type.Object(
  {
    target_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Workers needed.' })),
    city: Type.Optional(ShortText),
    state: Type.Optional(ShortText),
    role: Type.Optional(ShortText),
    client_id: Type.Optional(ShortText),
    candidate_id: Type.Optional(ShortText),
    recipients: Type.Optional(ShortTexts),
    contacts: Type.Optional(ShortTexts),
    fingerprint: Type.Optional(ShortText),
    min_body: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    max_body: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    max_subject: Type.Optional(Type.Integer({ minimum: 1, maximum: 998 })),
    schema: Type.Optional(Type.Unknown({ description: 'JSON Schema, for json_schema.' })),
  },
  { additionalProperties: true, description: 'What the artifact must meet; each kind takes its own, see the guide.' },
)

const Body = Type.Object(
  {
    kind: Type.Enum([...validatorNames], { description: 'The validator.' }),
    artifact: Type.Unknown({ description: 'JSON, or as a text what a model wrote.' }),
    context: Type.Optional(Context),
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
