import { Type } from 'typebox'
import { FindingSchema, ValidatorContext } from './validate-schemas.ts'
import { validatorNames } from '#processors/validation/validate.query.ts'

/** What `POST /v1/iterate` takes and answers, for the OpenAPI document. */
const Name = Type.String({ minLength: 1, maxLength: 256 })

export const IterateBody = Type.Object(
  {
    kind: Type.Enum([...validatorNames], { description: 'The validator.' }),
    prompt: Type.String({ minLength: 1, pattern: '\\S' }),
    system: Type.Optional(Type.String()),
    provider: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: "`model` is then that provider's own name for it." }),
    ),
    model: Type.Optional(Name),
    models: Type.Optional(
      Type.Array(Name, {
        minItems: 1,
        maxItems: 16,
        description: 'Weaker to stronger: the next one is asked when answers were refused. In place of `model`.',
      }),
    ),
    context: Type.Optional(ValidatorContext),
    max_iterations: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 20,
        description: 'Answers that are judged at most. Default 3, or as many as there are `models`.',
      }),
    ),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, description: 'Default 0.2.' })),
    max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Default 4,096.' })),
    retrieval: Type.Optional(
      Type.Union([Type.Boolean(), Type.Object({ k: Type.Integer({ minimum: 1, maximum: 200 }) })], {
        description:
          'Workers of the roster who meet the `context` are put before the prompt: up to 20, or `k`. Default false.',
      }),
    ),
    cost_limit_usd: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1_000_000, description: 'No further call is made once so much is spent.' }),
    ),
    deadline_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400_000 })),
  },
  { additionalProperties: false },
)

const Status = Type.Object({
  kind: Type.Enum(['accepted', 'no_json', 'validation_failed', 'infra_error'], {
    description: '`infra_error`: the call failed, or its answer could not be judged.',
  }),
  error: Type.Optional(
    Type.Union([FindingSchema, Type.Object({ code: Type.String(), message: Type.String() })], {
      description: 'The first finding; of `infra_error` the code and message of what failed.',
    }),
  ),
  findings: Type.Optional(Type.Array(FindingSchema, { description: 'Where there is more than one.' })),
})

const told = {
  iterations: Type.Integer({ minimum: 0, description: 'Answers that were judged.' }),
  history: Type.Array(
    Type.Object({
      iteration: Type.Integer({
        minimum: 0,
        description: 'From 0. A call that failed has the number of the answer it was to give.',
      }),
      raw: Type.String({ description: 'What the model wrote; empty where the call failed.' }),
      status: Status,
    }),
    { description: 'Every call, in order.' },
  ),
  trace_id: Type.String(),
}

export const IterateResponse = Type.Object(
  {
    artifact: Type.Unknown({ description: 'The JSON of the accepted answer.' }),
    validation: Type.Object({
      kind: Type.String(),
      passed: Type.Literal(true),
      findings: Type.Array(FindingSchema),
      elapsed_ms: Type.Number({ minimum: 0 }),
      grounded_in_roster: Type.Union([Type.Boolean(), Type.Null()]),
    }),
    ...told,
  },
  { $id: 'IterateResponse' },
)

export const IterateFailure = Type.Object(
  {
    error: Type.String({ description: 'For people.' }),
    code: Type.String({
      description:
        'Branch on this: max_iterations, cost, deadline, or what went wrong with the last call: unreachable, timeout, …',
    }),
    ...told,
  },
  { $id: 'IterateFailure' },
)
