/** The body and the answer of `POST /v1/replay`. */
import { Type } from 'typebox'

/** The empty text is the default too, as other writers of replays have it. */
const model = Type.Optional(Type.String({ maxLength: 256 }))

export const ReplayBody = Type.Object(
  {
    task: Type.String({ minLength: 1 }),
    local_only: Type.Optional(Type.Boolean({ description: 'The local model alone, whatever else is said.' })),
    allow_escalation: Type.Optional(
      Type.Boolean({ description: 'Ask the stronger model where the answer of the local one does not pass.' }),
    ),
    no_retrieval: Type.Optional(Type.Boolean()),
    dry_run: Type.Optional(Type.Boolean({ description: 'Ask no model. It is on the log all the same.' })),
    local_model: model,
    escalation_model: model,
  },
  { additionalProperties: false },
)

const Bundle = Type.Object({
  query: Type.String(),
  retrieved_playbooks: Type.Array(
    Type.Object({ rag_id: Type.String(), title: Type.String(), score: Type.Number(), content: Type.String() }),
  ),
})

const fields = {
  input_task: Type.String({ description: 'As it was recorded: secrets redacted.' }),
  task_hash: Type.String({ description: 'SHA-256 of the task.' }),
  retrieved_artifacts: Type.Object({ rag_ids: Type.Array(Type.String()) }),
  context_bundle: Type.Union([Bundle, Type.Null()], { description: 'Null without retrieval.' }),
  model_response: Type.String(),
  model_used: Type.String(),
  escalation_path: Type.Array(Type.String()),
  validation_result: Type.Object({ passed: Type.Boolean(), reasons: Type.Array(Type.String()) }),
  recorded_run_id: Type.String({
    description:
      '`replay:<16 hex>:<12 hex>`, also the id of `GET /v1/runs/:id`; with an Idempotency-Key that is in `x-request-id`.',
  }),
  recorded_at: Type.String(),
  duration_ms: Type.Integer(),
}

export const ReplayResult = Type.Object(fields, { $id: 'ReplayResult' })

export const ReplayUnlogged = Type.Object(
  { ...fields, error: Type.Object({ code: Type.String(), message: Type.String(), remedy: Type.String() }) },
  { $id: 'ReplayUnlogged', description: 'The result, and why the shared file of replays has no row of it.' },
)
