/**
 * A log full of finished runs, written as fast as the log takes them: what memory and restarts are measured on.
 */
import { randomUUID } from 'node:crypto'
import type { Journal } from '#processors/journal/journal.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import type { TaskSubmitted } from '#schemas/generated.ts'
import { sampleAnswer, sampleAttempt, sampleTask } from '#test/schemas/sample-data.ts'

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
  const task = taskOf(kind)
  const who = { attempt: 1, provider: 'ollama', model: 'small' }
  return [
    { type: 'task.submitted', ...link(0), data: task },
    { type: 'run.started', ...link(1), data: { worker: 'bench' } },
    {
      type: 'attempt.started',
      ...link(2),
      data: sampleAttempt({ ...who, url: 'http://127.0.0.1:11434/v1', messages: task.messages }),
    },
    {
      type: 'attempt.completed',
      ...link(3),
      data: sampleAnswer({
        ...who,
        content: answer,
        raw: JSON.stringify({ choices: [{ message: { content: answer } }] }),
        finishReason: 'stop',
        promptTokens: 40,
        completionTokens: 35,
        durationMs: 812.5,
      }),
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

function taskOf(kind: string): TaskSubmitted {
  const question = 'Say something of the usual length about the weather, please.'
  return sampleTask({
    kind,
    messages: JSON.stringify([{ role: 'user', content: question }]),
    ladder: [{ name: 'default', choices: [{ provider: 'ollama', model: 'small' }] }],
    validator: 'answered',
    limits: { attempts: 3, attemptTimeoutMs: 60_000, deadlineMs: 120_000 },
  })
}
