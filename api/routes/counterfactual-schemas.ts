/** The body and the answer of `POST /v1/replay/counterfactual`. */
import { Type } from 'typebox'
import { runOutcomes } from './run-schemas.ts'

export const CounterfactualBody = Type.Object(
  {
    runs: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      minItems: 1,
      maxItems: 50,
      description: 'Ids of runs that have ended; one named twice counts once.',
    }),
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'The model to ask instead.' })),
    system: Type.Optional(Type.String({ description: 'In place of the first system message.' })),
    concurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 16, description: 'Runs at a time. Default 4.' })),
  },
  { additionalProperties: false, description: '`model`, `system` or both.' },
)

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

const Side = Type.Object({
  runId: Type.String(),
  outcome: Type.Enum([...runOutcomes]),
  reason: nullable(Type.String()),
  passed: nullable(Type.Boolean({ description: 'Of the answer; null where nobody judged it.' })),
  provider: nullable(Type.String()),
  model: nullable(Type.String()),
  attempts: Type.Integer(),
  costMicroUsd: Type.Integer(),
  latencyMs: Type.Number({ description: 'Active time, retries and waits included.' }),
  promptTokens: Type.Integer(),
  completionTokens: Type.Integer(),
  answer: nullable(Type.String({ description: 'Null where no call was answered.' })),
})

const Part = Type.Object({ is: Type.Enum(['same', 'added', 'removed']), text: Type.String() })

const SignTest = Type.Object({
  better: Type.Integer(),
  worse: Type.Integer(),
  ties: Type.Integer(),
  p: Type.Number({ description: 'Exact, two-sided, ties left out.' }),
})

export const CounterfactualReport = Type.Object(
  {
    set: Type.String({ description: 'The tag `replay_set` of the new runs.' }),
    model: nullable(Type.String()),
    system: nullable(Type.String()),
    runs: Type.Array(
      Type.Object({
        original: Side,
        replayed: Side,
        difference: Type.Object({
          wordsAdded: Type.Integer(),
          wordsRemoved: Type.Integer(),
          parts: Type.Array(Part, { description: 'Those not added are the first text, those not removed the second.' }),
        }),
      }),
    ),
    skipped: Type.Array(Type.Object({ runId: Type.String(), reason: Type.String() }), {
      description: 'Runs that could not be carried out again, and why.',
    }),
    tests: Type.Object({ verdict: SignTest, cost: SignTest, latency: SignTest }),
  },
  { $id: 'CounterfactualReport' },
)
