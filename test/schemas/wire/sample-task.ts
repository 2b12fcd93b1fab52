/** A task as the codec's tests write and read it, and what a codec refuses. */
import type { TaskSubmitted } from '#schemas/generated.ts'
import { WireError } from '#schemas/wire/wire-error.ts'

export const task: TaskSubmitted = {
  kind: 'task',
  messages: '[]',
  retrieval: null,
  ladder: [{ name: 'small', choices: [{ provider: 'groq', model: 'llama' }] }],
  validator: null,
  validatorOptions: null,
  parameters: '{}',
  limits: { attempts: 3, attemptTimeoutMs: 1000, deadlineMs: 1000, costMicroUsd: null, answers: null, once: false },
  principal: 'local',
  interactive: false,
  folder: null,
  bodyHash: null,
  tags: {},
  redactions: 0,
  traceId: null,
}

export function failureOf(work: () => unknown): WireError {
  try {
    work()
  } catch (error) {
    if (error instanceof WireError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
