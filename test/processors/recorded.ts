/**
 * A history to fold: runs with all they can go through, two owners of some, documents that come, change and go, dead
 * letters, and records that are no events. The same seed gives the same history but for times and ids.
 */
import { randomFrom } from '#test/crash/simulation/random.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { nameId, sha256 } from '#schemas/ids.ts'
import type { LogWorld } from './log-world.ts'
import { happened } from './runs/run-script.ts'

export interface Recorded {
  readonly runs: readonly string[]
  readonly records: number
}

export async function record(
  world: LogWorld,
  given: { readonly seed: string; readonly runs: number },
): Promise<Recorded> {
  const random = randomFrom(given.seed)
  const { journal, log } = world
  const runs = Array.from({ length: given.runs }, (_, n) => nameId('run', given.seed, String(n)))
  const left = runs.map((run, n) => ({ run, events: chained(run, scripts[n % scripts.length]!(n)) }))
  while (left.length > 0) {
    const at = random.between(0, left.length - 1)
    const { events } = left[at]!
    await journal.write(events.splice(0, random.between(1, 3)))
    if (events.length === 0) left.splice(at, 1)
    if (random.chance(0.1))
      await log.append('runs.v1', [{ key: `foreign-${random.next()}`, headers: {}, value: Buffer.from('?') }])
  }
  for (let n = 0; n < given.runs; n += 1) await journal.write([documentOf(random.between(0, 6), n, random.chance(0.3))])
  await journal.write([
    { type: 'letter.discarded', subject: 'x', data: { letter: 'none', reason: null, principal: 'local' } },
    { type: 'letter.resubmitted', subject: 'x', data: { letter: 'none', as: 'other', principal: 'local' } },
  ])
  const topics = ['runs.v1', 'documents.v1', 'dead-letters.v1'] as const
  const bounds = await Promise.all(topics.map((topic) => log.bounds(topic)))
  return { runs, records: bounds.flat().reduce((sum, { next }) => sum + next, 0) }
}

const retrieval = { query: 'q', corpora: ['docs'], k: 5, threshold: 0.3 }

const scripts: readonly ((n: number) => AnyNewEvent[])[] = [
  (n) => [
    happened.submitted({ retrieval, messages: JSON.stringify([{ role: 'user', content: `question ${n}` }]) }),
    happened.started(),
    happened.retrieved(),
    happened.attempted(1),
    happened.failed(1),
    happened.waited(),
    happened.attempted(2),
    happened.answered(2, { content: `answer ${n} – „ü“ 🙂`, costMicroUsd: n, durationMs: n + 0.125 }),
    happened.judged(2, true),
    happened.completed('accepted', 2),
  ],
  () => [
    happened.submitted({ validator: 'json' }),
    happened.started(),
    happened.attempted(1),
    happened.answered(1),
    happened.judged(1, false),
    happened.resumed(),
    happened.attempted(2),
    happened.answered(2),
    // Proved by no verdict of its own.
    happened.completed('accepted', 2),
  ],
  () => [happened.submitted({ interactive: true }), happened.started(), happened.attempted(1)],
  () => [happened.submitted(), happened.started(), happened.expired(), happened.completed('failed')],
  () => [happened.submitted({ kind: 'chat' }), happened.completed('abandoned')],
]

/** The events as one owner writes them, some of them twice: the second never counts. */
export function chained(run: string, events: readonly AnyNewEvent[]): AnyNewEvent[] {
  let prev = ''
  return events.flatMap((event, seq) => {
    const link = { run, seq, prev }
    prev = nameId('event', run, String(seq))
    const own = { ...event, subject: run, id: prev, chain: link } as AnyNewEvent
    const rival = { ...own, id: `${prev}-rival` } as AnyNewEvent
    const cancel = { ...happened.cancelled(), subject: run, chain: { run, seq: -1, prev: '' } } as AnyNewEvent
    return seq % 4 === 3 ? [own, rival, cancel] : [own]
  })
}

function documentOf(which: number, version: number, gone: boolean): AnyNewEvent {
  const path = `docs/${which}.md`
  const subject = nameId('document', 'docs', path)
  if (gone) return { type: 'document.removed', subject, data: { corpus: 'docs', path } }
  const content = `# Title ${which}\n\nText of version ${version}.\n\n## Part\n\n${'More words here. '.repeat(version * 5)}`
  const sizes = { contentHash: sha256(content), sizeBytes: Buffer.byteLength(content) }
  const data = { corpus: 'docs', path, title: `Title ${which}`, mediaType: 'text/markdown', content, ...sizes }
  return { type: 'document.ingested', subject, data }
}
