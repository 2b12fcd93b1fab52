import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { Decoded } from '#processors/journal/read.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import type { Topic } from '#schemas/topics.ts'
import type { Projection } from './projection.ts'
import type { StoreDefinition } from './store.ts'
import { openTableProjections, readCheckpoints, schemaOf, wantsOf } from './table-projections.ts'

/** A relational store of some projections: what `catalog.ts` lists. */
export function tableStore(
  projections: readonly Projection[],
  given: {
    readonly name: string
    readonly version: number
    readonly topics: readonly Topic[]
    readonly open: (path: string, options: { schema?: readonly string[]; readOnly?: boolean }) => TableStore
    /** For a store whose handlers need large values: they are opened before the transaction. */
    readonly claimCheck?: ClaimCheck
  },
): StoreDefinition<TableStore> {
  const { name, version, topics, claimCheck } = given
  const pathIn = (folder: string): string => `${folder}/${name}.sqlite`
  return {
    name,
    version,
    topics,
    wants: wantsOf(projections),
    strangers: false,
    gather: { records: 1000, ms: 0, restMs: 5 },
    async open(folder) {
      const store = openTableProjections(given.open(pathIn(folder), { schema: schemaOf(projections) }), projections)
      if (claimCheck === undefined) return store
      return { ...store, fold: async (events, at) => store.fold(await openAll(events, claimCheck), at) }
    },
    openToRead(folder) {
      const tables = given.open(pathIn(folder), { readOnly: true })
      return { reads: tables, checkpoints: () => readCheckpoints(tables), close: () => tables.close() }
    },
  }
}

function openAll(events: readonly Decoded[], claimCheck: ClaimCheck): Promise<Decoded[]> {
  return Promise.all(events.map((event) => openClaims(event, claimCheck)))
}

async function openClaims(event: Decoded, claimCheck: ClaimCheck): Promise<Decoded> {
  if ('bad' in event) return event
  const data = await claimCheck.openData(event.type, event.data)
  if (data === event.data) return event
  // Field by field: an event builds its envelope when it is asked, which a spread does not.
  const { type, position, envelope, accepted, record } = event
  return { type, position, envelope, accepted, record, data } as Decoded
}
