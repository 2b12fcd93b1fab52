/**
 * The runs as a log tells them: every accepted event in order, and the state it makes.
 *
 * Promise: a fold of records alone, with a referee of its own; it knows nothing of what processes believe.
 */
import { createReferee, type Referee } from '#processors/journal/referee.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { RunState } from '#processors/runs/run.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import type { Codec } from '#schemas/wire/codec.ts'

export interface Chapter {
  readonly event: AnyNewEvent & { readonly id: string }
  /** Life that wrote it. */
  readonly by: string
  /** The state before it. */
  readonly before: RunState | undefined
}

export interface Chronicle {
  readonly referee: Referee
  /** Takes the next record of a partition; the event, if it is accepted and can be read. */
  take(partition: number, record: StoredRecord): Chapter | undefined
  chapters(runId: string): readonly Chapter[]
  state(runId: string): RunState | undefined
}

export function openChronicle(given: {
  codec: Codec
  tables: TableStore
  /** The same replacement as in the processes, where there is one. */
  referee: ((referee: Referee) => Referee) | undefined
}): Chronicle {
  const own = createReferee(given.tables)
  const referee = given.referee?.(own) ?? own
  const runs = new Map<string, { chapters: Chapter[]; state: RunState | undefined }>()

  return {
    referee,
    take(partition, record) {
      const { ce_type: type = '', ce_id: id = '', ce_source: source = '' } = record.headers
      if (!referee.judge(partition, record) || !isEventType(type)) return undefined
      const run = runs.get(record.key) ?? { chapters: [], state: undefined }
      runs.set(record.key, run)
      const data = read(() => given.codec.decode(type, record.value))
      if (data === undefined) return undefined
      const event = { type, id, subject: record.key, data } as Chapter['event']
      const chapter = { event, by: source.slice(source.lastIndexOf('/') + 1), before: run.state }
      run.chapters.push(chapter)
      run.state = evolve(run.state, event)
      return chapter
    },
    chapters: (runId) => runs.get(runId)?.chapters ?? [],
    state: (runId) => runs.get(runId)?.state,
  }
}

function read<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
