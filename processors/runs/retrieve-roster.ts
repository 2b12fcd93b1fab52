import type { Roster, Worker } from '#processors/ports/roster.ts'
import { contractFindings } from '#processors/validation/contract-findings.ts'
import { contractOf } from '#processors/validation/contract.ts'
import type { ValidatorOptions } from '#processors/validation/validator.ts'
import type { EventData } from '#schemas/event.ts'

/**
 * Retrieval over the roster: the workers who meet a contract, each a passage.
 *
 * Promise: nobody is offered whom the contract would refuse; no address and no phone number goes into a prompt. A roster
 * that can't be read offers nobody (the verdict then says why), and never keeps a run from its end.
 */
export const rosterCorpus = 'roster'

/** Rows looked at: those beyond the first ones that match are no better. */
const mostRows = 1000

export async function retrieveRoster(
  roster: Roster | undefined,
  { context, k }: { readonly context: ValidatorOptions; readonly k: number },
): Promise<Pick<EventData['retrieval.completed'], 'documents' | 'hits' | 'passages'>> {
  const contract = contractOf(context)
  const { city, state, role } = contract
  const asked = { ...named({ city, state, role }), most: mostRows }
  const rows = (await roster?.matching(asked).catch((): readonly Worker[] => [])) ?? []
  const able = rows.filter((worker) => contractFindings(worker, contract, []).length === 0)
  const chosen = [...new Map(able.map((worker) => [worker.id, worker])).values()].slice(0, k)
  const places = chosen.map(({ id }) => ({ chunk: `${rosterCorpus}:${id}`, path: `${rosterCorpus}/${id}`, score: 1 }))
  return {
    documents: able.length,
    hits: places.map((place, index) => ({ ...place, document: rosterCorpus, rank: index + 1, used: true })),
    passages: places.map((place, index) => ({ ...place, text: textOf(chosen[index]!) })),
  }
}

function named<Fields extends Readonly<Record<string, string | undefined>>>(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** As an answer names workers. */
function textOf({ id, name, city, state, role }: Worker): string {
  return JSON.stringify({ candidate_id: id, name, city, state, role })
}
