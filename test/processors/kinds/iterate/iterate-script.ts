/** Iterate runs as events, without a log. */
import type { AnyNewEvent, EventData } from '#schemas/event.ts'
import { event, happened } from '#test/processors/runs/run-script.ts'

export function submitted(prompt: string, traceId: string): AnyNewEvent {
  return happened.submitted({
    kind: 'iterate',
    messages: JSON.stringify([
      { role: 'system', content: 'Fill contracts.' },
      { role: 'user', content: prompt },
    ]),
    validator: 'fill',
    validatorOptions: JSON.stringify({ target_count: 1, city: 'Toledo' }),
    interactive: true,
    traceId,
    limits: { answers: 2 },
  })
}

export function judged(attempt: number, given: Partial<EventData['verdict.reached']> = {}): AnyNewEvent {
  const passed = given.passed ?? (given.findings ?? []).length === 0
  return event('verdict.reached', {
    attempt,
    validator: 'fill',
    passed,
    findings: [],
    durationMs: 1,
    artifact: null,
    groundedInRoster: true,
    ...given,
  })
}

export const wrongCity = {
  kind: 'Consistency',
  code: 'city-mismatch',
  message: "city 'Louisville' doesn't match contract city 'Toledo'",
  path: '/fills/0',
}

const noJson = { kind: 'Syntax', code: 'no-json', message: "your response wasn't valid JSON", path: null }

function ended(
  outcome: EventData['run.completed']['outcome'],
  given: Partial<EventData['run.completed']> = {},
): AnyNewEvent {
  return event('run.completed', { outcome, reason: null, attempt: null, attempts: 1, durationMs: 1234.5, ...given })
}

/** Every way a run can end, by name. */
export const sessions: Readonly<Record<string, readonly AnyNewEvent[]>> = {
  accepted: [
    submitted('Café résumé  你好', 'unified-rust-001'),
    happened.started(),
    happened.attempted(1),
    happened.answered(1),
    judged(1, { findings: [noJson], groundedInRoster: null }),
    happened.attempted(2),
    happened.answered(2),
    judged(2, { artifact: '{"fills":[{"candidate_id":"W-2"}]}' }),
    ended('accepted', { attempt: 2 }),
  ],
  'max-iterations': [
    submitted('Fill 1 Welder', 'job 7/ä'),
    happened.started(),
    ...[1, 2].flatMap((attempt) => [
      happened.attempted(attempt),
      happened.answered(attempt),
      judged(attempt, { findings: [wrongCity] }),
    ]),
    ended('rejected', { reason: 'answers' }),
  ],
  'infrastructure-error': [
    submitted('Fill 1 Welder', 'down'),
    happened.started(),
    happened.attempted(1),
    happened.failed(1),
    ended('failed', { reason: 'providers' }),
  ],
  'client-gone': [
    submitted('Fill 1 Welder', 'left'),
    happened.started(),
    happened.attempted(1),
    event('task.cancelled', { reason: 'the caller is gone', principal: 'local' }),
    happened.failed(1, { code: 'cancelled', message: 'it was cancelled' }),
    ended('cancelled'),
  ],
  abandoned: [
    submitted('Fill 1 Welder', 'killed'),
    happened.started(),
    happened.attempted(1),
    ended('abandoned', { reason: 'its caller is gone', durationMs: 0 }),
  ],
  unproven: [
    submitted('Fill 1 Welder', 'forged'),
    happened.started(),
    happened.attempted(1),
    happened.answered(1),
    ended('accepted', { attempt: 1 }),
  ],
}
