/** Dead letters: how they are read, and what becomes of them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { getLetter, type LetterDetail, listLetters } from '#processors/delivery/letters.query.ts'
import { discardLetter, resubmitLetter } from '#processors/delivery/settle-letter.command.ts'
import { type LiveStore, openLiveStore } from '#processors/stores/live-store.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { nameId } from '#schemas/ids.ts'
import { toHeaders } from '#schemas/wire/headers.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'

let world: LogWorld
let lookup: LiveStore<TableStore>
beforeEach(async () => {
  world = await openLogWorld()
  lookup = await openLiveStore(world.stores.lookup, { builds: world.builds, ports: world.ports })
})
afterEach(async () => {
  await lookup.close()
  await world.close()
})

const removal = { corpus: 'docs', path: 'a' }
const goodRecord = {
  key: 'd1',
  headers: toHeaders({
    id: 'source',
    source: '/t',
    subject: 'd1',
    time: '2026-01-01T00:00:00.000Z',
    type: 'document.removed',
  }),
  value: new Uint8Array(),
}

const resubmit = (letter: string) => resubmitLetter({ journal: world.journal, log: world.log, lookup }, letter, 'local')

/** A record of a topic, set aside by a store that could not fold it. */
async function parked(topic: 'documents.v1' | 'runs.v1', record = goodRecord): Promise<string> {
  const value = world.codec.encode('document.removed', removal)
  const [position] = await world.log.append(topic, [{ ...record, value }])
  const stored = { ...record, value, offset: position!.offset }
  const park = () =>
    world.park(
      { bad: 'no', type: 'document.removed', position: position!, record: stored },
      { by: 'search', version: 1, code: 'c' },
    )
  await park()
  await park()
  const letter = nameId('letter', 'search', '1', `${position!.topic}:0:${position!.offset}`)
  await eventually('the letter', () => lookup.query((tables) => getLetter(tables, letter)))
  return letter
}
const letterOf = async (letter: string): Promise<LetterDetail> =>
  (await lookup.query((tables) => getLetter(tables, letter)))!
const stateOf = (letter: string, settledAt: { topic: string; partition: number; offset: number }) =>
  lookup.reached([settledAt], 10_000).then(async () => (await letterOf(letter)).state)

describe('a dead letter: embedded log', () => {
  test('that is written twice is one, and can be read with its record', async () => {
    const letter = await parked('documents.v1')
    expect(await lookup.query((tables) => listLetters(tables, { limit: 10 }))).toHaveLength(1)
    expect(await letterOf(letter)).toMatchObject({
      state: 'parked',
      parkedBy: 'search',
      topic: 'documents.v1',
      offset: 0,
      recordId: 'source',
      key: 'd1',
      settledAt: null,
    })
    expect(await lookup.query((tables) => listLetters(tables, { limit: 10, state: 'discarded' }))).toEqual([])
    expect(await lookup.query((tables) => listLetters(tables, { limit: 10, after: letter }))).toEqual([])
  })

  test('[poison.parked] is resubmitted as a new append of the same bytes under one id', async () => {
    const letter = await letterOf(await parked('documents.v1'))
    const { position, recordId, settledAt } = await resubmit(letter.letter)
    expect(position).toMatchObject({ topic: 'documents.v1', offset: 1 })
    const records = (await Array.fromAsync(world.log.read({ topic: 'documents.v1', partition: 0, offset: 0 }))).flat()
    expect(records.map(({ value }) => Buffer.from(value).toString('hex'))[1]).toBe(
      Buffer.from(records[0]!.value).toString('hex'),
    )
    expect(records[1]).toMatchObject({ key: 'd1', headers: { ...records[0]!.headers, ce_id: recordId } })
    expect(await stateOf(letter.letter, settledAt)).toBe('resubmitted')
    await expect(resubmit(letter.letter)).rejects.toMatchObject({
      code: 'letter.settled',
    })
  })

  test('[poison.parked] that is resubmitted twice at once is appended once, and both hear so', async () => {
    const letter = await parked('documents.v1')
    const [first, second] = await Promise.all([resubmit(letter), resubmit(letter)])
    expect(second).toEqual(first)
    // The lookup store need not have come so far.
    await expect(resubmit(letter)).rejects.toMatchObject({ code: 'letter.settled' })
    expect((await world.log.bounds('documents.v1'))[0]?.next).toBe(2)
  })

  test('about an event of a run is refused, and says what helps', async () => {
    const headers = { ...goodRecord.headers, ce_run: 'r', ce_seq: '0' }
    const letter = await letterOf(await parked('runs.v1', { ...goodRecord, headers }))
    await expect(resubmit(letter.letter)).rejects.toMatchObject({
      code: 'request.invalid',
      remedy: expect.stringContaining('lattice store rebuild search'),
    })
    expect((await letterOf(letter.letter)).state).toBe('parked')
  })

  test('whose record is gone can not be resubmitted', async () => {
    const letter = await letterOf(await parked('documents.v1'))
    await world.log.append('documents.v1', [goodRecord])
    await (world.log as EmbeddedEventLog).trim('documents.v1', 0, 1)
    await expect(resubmit(letter.letter)).rejects.toMatchObject({ code: 'log.trimmed' })
  })

  test('is discarded with its reason, once, and nothing else changes', async () => {
    const letter = await letterOf(await parked('documents.v1'))
    const { settledAt } = await discardLetter(world, letter, { principal: 'local', reason: 'known' })
    expect(await stateOf(letter.letter, settledAt)).toBe('discarded')
    const settled = await letterOf(letter.letter)
    await expect(discardLetter(world, settled, { principal: 'local' })).rejects.toMatchObject({
      code: 'letter.settled',
    })
    expect((await world.log.bounds('documents.v1'))[0]?.next).toBe(1)
  })

  test('that is discarded by one who did not see it resubmitted stays so: its record is on the log again', async () => {
    const letter = await letterOf(await parked('documents.v1'))
    await resubmit(letter.letter)
    const { settledAt } = await discardLetter(world, letter, { principal: 'local' })
    expect(await stateOf(letter.letter, settledAt)).toBe('resubmitted')
  })

  test('that was discarded a moment ago is not resubmitted', async () => {
    const letter = await letterOf(await parked('documents.v1'))
    await discardLetter(world, letter, { principal: 'local' })
    await expect(resubmit(letter.letter)).rejects.toMatchObject({ code: 'letter.settled' })
    expect((await world.log.bounds('documents.v1'))[0]?.next).toBe(1)
  })
})
