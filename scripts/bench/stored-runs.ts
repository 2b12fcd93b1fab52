/**
 * A log full of finished runs, written as fast as the log takes them: what memory and restarts are measured on.
 */
import { randomUUID } from 'node:crypto'
import type { Journal } from '#processors/journal/journal.ts'
import type { RunSpec } from '#processors/runs/run.ts'
import type { AnyNewEvent } from '#schemas/event.ts'

/** Events of one finished run. */
export const eventsOfRun = 6

const answer = 'A small model said this, at about the length that small models say things. '.repeat(2)

/** `kind` decides whether run folders are written: `task` has them, `chat` has none. */
export async function storeRuns(journal: Journal, runs: number, kind: 'task' | 'chat'): Promise<void> {
  const atOnce = 150
  for (let done = 0; done < runs; done += atOnce) {
    const events = Array.from({ length: Math.min(atOnce, runs - done) }, () => runEvents(kind)).flat()
    await journal.write(events)
  }
}

function runEvents(kind: string): AnyNewEvent[] {
  const run = randomUUID()
  const ids = Array.from({ length: eventsOfRun }, () => randomUUID())
  const link = (seq: number): Pick<AnyNewEvent, 'subject' | 'id' | 'chain'> => ({
    subject: run,
    id: ids[seq]!,
    chain: { run, seq, prev: seq === 0 ? '' : ids[seq - 1]! },
  })
  const who = { attempt: 1, provider: 'ollama', model: 'small' }
  return [
    { type: 'task.submitted', ...link(0), data: specOf(kind) },
    { type: 'run.started', ...link(1), data: { worker: 'bench' } },
    {
      type: 'attempt.started',
      ...link(2),
      data: {
        ...who,
        tier: 0,
        url: 'http://127.0.0.1:11434/v1',
        messages: specOf(kind).messages,
        parameters: '{}',
        spanId: null,
        reservedMicroUsd: 0,
      },
    },
    {
      type: 'attempt.completed',
      ...link(3),
      data: {
        ...who,
        content: answer,
        raw: JSON.stringify({ choices: [{ message: { content: answer } }] }),
        finishReason: 'stop',
        promptTokens: 40,
        completionTokens: 35,
        usageEstimated: false,
        costMicroUsd: 0,
        requestId: null,
        durationMs: 812.5,
      },
    },
    {
      type: 'verdict.reached',
      ...link(4),
      data: {
        attempt: 1,
        validator: 'answered',
        passed: true,
        findings: [],
        durationMs: 0.1,
        artifact: null,
        groundedInRoster: null,
      },
    },
    {
      type: 'run.completed',
      ...link(5),
      data: { outcome: 'accepted', reason: null, attempt: 1, attempts: 1, durationMs: 815 },
    },
  ]
}

function specOf(kind: string): RunSpec {
  return {
    kind,
    messages: JSON.stringify([
      { role: 'user', content: 'Say something of the usual length about the weather, please.' },
    ]),
    retrieval: null,
    ladder: [{ name: 'default', choices: [{ provider: 'ollama', model: 'small' }] }],
    validator: 'answered',
    validatorOptions: null,
    parameters: '{}',
    limits: {
      attempts: 3,
      attemptTimeoutMs: 60_000,
      deadlineMs: 120_000,
      costMicroUsd: null,
      answers: null,
      once: false,
    },
    principal: 'bench',
    interactive: false,
    folder: null,
    bodyHash: null,
    tags: {},
    redactions: 0,
    traceId: null,
  }
}
