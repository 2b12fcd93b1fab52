/**
 * Contract of stores: whoever won a run, everybody who reads it reads the same (R1).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { partitionOf } from '#processors/ports/event-log.ts'
import { followRun } from '#processors/runs/follow-run.query.ts'
import { getRun } from '#processors/runs/runs.query.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { nameId } from '#schemas/ids.ts'
import { openCaughtUp } from '#test/processors/caught-up.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { happened } from '#test/processors/runs/run-script.ts'
import { type FreshLog, freshFolder } from './fresh-log.ts'

/** What a reader says of a run: how it ended, and with which answer where it is accepted. */
interface Said {
  readonly outcome: string | null
  readonly answer: string | null
}

const first = [
  happened.submitted({ validator: 'json' }),
  happened.started(),
  happened.attempted(1),
  happened.answered(1, { content: '"of the first"' }),
  happened.judged(1, true),
  happened.completed('accepted', 1),
]

/** Who takes over after this many events of the first owner, with another answer. */
function takenOver(after: number): AnyNewEvent[] {
  const left = after === 3 ? [happened.failed(1, { code: 'lost' })] : []
  const attempt = after > 2 ? 2 : 1
  return [
    happened.resumed(),
    ...left,
    happened.attempted(attempt),
    happened.answered(attempt, { content: '"of the second"' }),
    happened.judged(attempt, true),
    happened.completed('accepted', attempt),
  ]
}

export function agreeing(fresh: FreshLog): void {
  describe('readers of a run', () => {
    let world: LogWorld
    beforeEach(async () => {
      world = await openLogWorld({ log: fresh(2), folder: freshFolder() })
    })
    afterEach(() => world.close())

    test('[run.single] [verdict.closed] of two owners with different answers tell the same one, whichever was paused where', async () => {
      const wanted = new Map<string, Said>()
      for (let paused = 2; paused < first.length; paused += 1) {
        for (const winner of ['first', 'second'] as const) {
          const run = nameId('run', winner, String(paused))
          const common = chain(run, 'first', first.slice(0, paused))
          const prev = common.at(-1)!.id!
          const [one, two] = [
            chain(run, 'first', first.slice(paused), { seq: paused, prev }),
            chain(run, 'second', takenOver(paused), { seq: paused, prev }),
          ]
          await world.journal.write(common)
          for (const event of winner === 'first' ? alternate(one, two) : alternate(two, one))
            await world.journal.write([event])
          wanted.set(run, { outcome: 'accepted', answer: `"of the ${winner}"` })
        }
      }
      await expectAllToSay(wanted)
    })

    test('[verdict.closed] of a run that is said to be accepted against its verdict, or without one, tell that it failed', async () => {
      const wanted = new Map<string, Said>()
      const claims = {
        'against its verdict': [happened.judged(1, false), happened.completed('accepted', 1)],
        'without a verdict': [happened.completed('accepted', 1)],
        'by an attempt that never was': [happened.judged(1, true), happened.completed('accepted', 7)],
      }
      for (const [claim, events] of Object.entries(claims)) {
        const run = nameId('run', claim)
        await world.journal.write(chain(run, 'first', [...first.slice(0, 4), ...events]))
        wanted.set(run, { outcome: 'failed', answer: null })
      }
      await expectAllToSay(wanted, { stream: false })
    })

    /** A stream tells the events themselves, so what a false claim comes to is for its reader to fold. */
    async function expectAllToSay(wanted: ReadonlyMap<string, Said>, { stream = true } = {}): Promise<void> {
      const { lookup, warehouse, folders } = world.stores
      const [tables, columns, files] = [
        await openCaughtUp(world, lookup),
        await openCaughtUp(world, warehouse),
        await openCaughtUp(world, folders),
      ]
      try {
        for (const [run, said] of wanted) {
          const state = await tables.query((reads) => getRun(reads, run))
          expect({ outcome: state?.outcome, answer: state?.answer }, 'the lookup store').toEqual(said)
          const [row] = await columns.query((reads) =>
            reads.query(
              `SELECT runs.outcome, attempts.content AS answer FROM runs
                 LEFT JOIN run_completed AS ended ON ended.run = runs.run AND ended.accepted AND runs.outcome = 'accepted'
                 LEFT JOIN attempts ON attempts.run = runs.run AND attempts.attempt = ended.attempt
                WHERE runs.run = '${run}'`,
            ),
          )
          expect(row, 'the warehouse').toEqual(said)
          expect(filesOf(run), 'the run folder').toEqual(said)
          if (stream) expect(await streamOf(run), 'the stream').toEqual(said)
        }
      } finally {
        for (const store of [tables, columns, files]) await store.close()
      }
    }

    function filesOf(run: string): Said {
      const text = (path: string): string => readFileSync(join(world.folder, 'runs', run, path), 'utf8')
      const { artifacts } = JSON.parse(text('artifacts/index.json')) as { artifacts: { tags: string[] }[] }
      const outcome = artifacts[0]?.tags[1] ?? null
      return { outcome, answer: outcome === 'accepted' ? text('artifacts/output.txt') : null }
    }

    async function streamOf(runId: string): Promise<Said> {
      const partition = partitionOf(runId, world.log.partitions('runs.v1'))
      const answers = new Map<number, unknown>()
      let said: Said = { outcome: null, answer: null }
      const place = { runId, partition, offsets: [], foldedTo: 0 }
      for await (const event of followRun(world, place, { follow: false, signal: new AbortController().signal })) {
        const data = event.data as { attempt: number; content?: unknown; outcome?: string }
        if (event.type === 'attempt.completed') answers.set(data.attempt, data.content)
        if (event.type === 'run.completed')
          said = { outcome: data.outcome ?? null, answer: (answers.get(data.attempt) as string | undefined) ?? null }
      }
      return said
    }
  })
}

/** An owner's events on the chain. */
function chain(
  run: string,
  owner: string,
  events: readonly AnyNewEvent[],
  from: { readonly seq: number; readonly prev: string } = { seq: 0, prev: '' },
): AnyNewEvent[] {
  let { prev } = from
  return events.map((event, index) => {
    const link = { run, seq: from.seq + index, prev }
    prev = nameId('event', run, owner, String(link.seq))
    return { ...event, subject: run, id: prev, chain: link }
  })
}

/** As two owners write that take turns. */
function* alternate(one: readonly AnyNewEvent[], other: readonly AnyNewEvent[]): Generator<AnyNewEvent> {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    for (const event of [one[at], other[at]]) if (event !== undefined) yield event
  }
}
