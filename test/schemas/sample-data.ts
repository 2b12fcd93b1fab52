/**
 * Data of a run's events for tests and benchmarks: what they don't look at is filled in.
 */
import type { AttemptCompleted, AttemptStarted, TaskSubmitted } from '#schemas/generated.ts'

export type TaskGiven = Partial<Omit<TaskSubmitted, 'limits'>> & { readonly limits?: Partial<TaskSubmitted['limits']> }

const asked = { provider: 'one', model: 'm' }

export function sampleTask(given: TaskGiven = {}): TaskSubmitted {
  return {
    kind: 'task',
    messages: '[]',
    retrieval: null,
    ladder: [{ name: 'only', choices: [asked] }],
    validator: null,
    validatorOptions: null,
    parameters: '{}',
    principal: 'local',
    interactive: false,
    folder: null,
    bodyHash: null,
    tags: {},
    redactions: 0,
    traceId: null,
    ...given,
    limits: {
      attempts: 6,
      attemptTimeoutMs: 10_000,
      deadlineMs: 60_000,
      costMicroUsd: null,
      answers: null,
      once: false,
      ...given.limits,
    },
  }
}

export function sampleAttempt(given: Partial<AttemptStarted> = {}): AttemptStarted {
  return {
    ...asked,
    attempt: 1,
    tier: 0,
    url: '',
    messages: '[]',
    parameters: '{}',
    spanId: null,
    reservedMicroUsd: 0,
    ...given,
  }
}

export function sampleAnswer(given: Partial<AttemptCompleted> = {}): AttemptCompleted {
  return {
    ...asked,
    attempt: 1,
    content: 'an answer',
    raw: '{}',
    finishReason: null,
    promptTokens: null,
    completionTokens: null,
    usageEstimated: false,
    costMicroUsd: 0,
    requestId: null,
    durationMs: 10,
    ...given,
  }
}
