import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'

/** Runs as `processors/runs/runs.query.ts` and `follow-run.query.ts` give them, for the OpenAPI document. */
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const Time = Type.String({ format: 'date-time' })

export const runStatuses = ['queued', 'running', 'done'] as const
export const runOutcomes = ['accepted', 'rejected', 'failed', 'cancelled', 'abandoned'] as const

const view = {
  runId: Type.String(),
  kind: Type.String({ description: 'task, …' }),
  status: Type.Enum([...runStatuses]),
  outcome: orNull(Type.Enum([...runOutcomes])),
  reason: orNull(Type.String({ description: 'Why it ended so.' })),
  cancelRequested: Type.Boolean(),
  prompt: Type.String({ description: 'The last message, its first 2,000 characters; all of it is in the events.' }),
  answer: orNull(Type.String({ description: 'The answer that stands; in lists its first 2,000 characters.' })),
  answerSha256: orNull(Type.String({ description: 'Of an answer too large to stand here: GET /v1/objects/<it>.' })),
  provider: orNull(Type.String()),
  model: orNull(Type.String()),
  attempts: Type.Integer({ description: 'Model calls, failed ones too.' }),
  resumes: Type.Integer({ description: 'How often another worker took it over.' }),
  promptTokens: Type.Integer(),
  completionTokens: Type.Integer(),
  costMicroUsd: Type.Integer(),
  submittedAt: Time,
  startedAt: orNull(Time),
  completedAt: orNull(Time),
  activeMs: orNull(Type.Number({ description: 'Between start and end.' })),
  principal: Type.String({ description: 'Who submitted it.' }),
  folder: orNull(Type.String({ description: 'Whose documents it saw.' })),
  tags: Type.Record(Type.String(), Type.String()),
} satisfies TProperties

const Attempt = Type.Object({
  attempt: Type.Integer({ minimum: 1 }),
  tier: Type.Integer(),
  provider: Type.String(),
  model: Type.String(),
  status: Type.Enum(['started', 'completed', 'failed']),
  code: orNull(Type.String()),
  message: orNull(Type.String()),
  httpStatus: orNull(Type.Integer()),
  passed: orNull(Type.Boolean({ description: 'The verdict; null without one.' })),
  findings: Type.Array(Type.Unknown()),
  durationMs: orNull(Type.Number()),
})

const RunSummary = Type.Object(view, { $id: 'RunSummary' })
export const Run = Type.Object({ ...view, attemptList: Type.Array(Attempt) }, { $id: 'Run' })

export const RunPage = Type.Object(
  {
    runs: Type.Array(RunSummary),
    next: orNull(Type.String({ description: 'Give it as `cursor` for the next page; null at the end.' })),
  },
  { $id: 'RunPage' },
)

const RunEvent = Type.Object(
  {
    id: Type.String(),
    type: Type.String({ description: 'task.submitted, attempt.completed, …' }),
    source: Type.String(),
    subject: Type.String({ description: 'The run id.' }),
    time: Type.String({ description: "The writer's clock: for display, never for order." }),
    position: Type.Object({ topic: Type.String(), partition: Type.Integer(), offset: Type.Integer() }),
    chain: Type.Optional(Type.Object({ run: Type.String(), seq: Type.Integer(), prev: Type.String() })),
    traceparent: Type.Optional(Type.String()),
    causationId: Type.Optional(Type.String()),
    correlationId: Type.Optional(Type.String()),
    interactive: Type.Optional(Type.Literal(true, { description: 'Carried out where it was asked, not by a worker.' })),
    data: Type.Unknown({
      description: "By the type's schema; a value too large to stand here is {sha256, sizeBytes}.",
    }),
  },
  { $id: 'RunEvent' },
)

export const RunEvents = Type.Object({ events: Type.Array(RunEvent) }, { $id: 'RunEvents' })

export const Cancelled = Type.Object({ runId: Type.String(), position: Type.String() }, { $id: 'CancelledRun' })
