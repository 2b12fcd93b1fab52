/**
 * Contract of an event log: a reader is stopped by name when the history is not the one it knows (R5).
 */
import { describe, expect, it } from 'vitest'
import { content, idOf, readAll, record, records } from '#test/contracts/records.ts'
import type { NewRecord } from '#processors/ports/event-log.ts'
import { ONE, type PreparedLogs, failureOf, range } from './prepared-logs.ts'

export function history(logs: PreparedLogs): void {
  describe('history', () => {
    it('[log.same] goes on where the record before carries the id the reader remembers', async () => {
      const log = await logs.open()
      const written = records(6, 'a')
      await log.append(ONE, written)
      const after = idAt(written, 3)
      expect((await readAll(log, ONE, 0, 4, { after })).map(({ offset }) => offset)).toEqual([4, 5])
      expect(await readAll(log, ONE, 0, 6, { after: idAt(written, 5) })).toEqual([])
      expect((await readAll(log, ONE, 0, 0, { after: '' })).length).toBe(6)
    })

    it('[log.same] stops as log.diverged when that record is another, or the reader is beyond the end', async () => {
      const log = await logs.open()
      await log.append(ONE, records(6, 'a'))
      const foreign = idOf(record('x'))
      expect(await failureOf(readAll(log, ONE, 0, 4, { after: foreign }))).toBe('log.diverged')
      expect(await failureOf(readAll(log, ONE, 0, 6, { after: foreign }))).toBe('log.diverged')
      expect(await failureOf(readAll(log, ONE, 0, 7))).toBe('log.diverged')
      expect(await failureOf(readAll(log, ONE, 0, 4, { after: foreign, follow: true }))).toBe('log.diverged')
      expect(await failureOf(readAll(log, ONE, 0, 7, { follow: true }))).toBe('log.diverged')
    })

    it.skipIf(!logs.can.trim)('[log.same] stops as log.trimmed when records the reader needs are gone', async () => {
      const log = await logs.open()
      const written = records(10, 'a')
      for (const one of written) await log.append(ONE, [one])
      await logs.trim(ONE, 0, 4)
      expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 4, next: 10 }])
      expect(await failureOf(readAll(log, ONE, 0, 0))).toBe('log.trimmed')
      expect(await failureOf(readAll(log, ONE, 0, 3, { after: idAt(written, 2) }))).toBe('log.trimmed')
      expect(await failureOf(readAll(log, ONE, 0, 3, { follow: true }))).toBe('log.trimmed')
      expect((await readAll(log, ONE, 0, 4)).map(({ offset }) => offset)).toEqual(range(10).slice(4))
      expect((await readAll(log, ONE, 0, 4, { after: idAt(written, 3) })).length).toBe(6)
      expect(await failureOf(readAll(log, ONE, 0, 6, { after: idAt(written, 2) }))).toBe('log.diverged')
    })

    it.skipIf(!logs.can.trim)(
      '[log.same] also when they were appended in one call with records that are kept',
      async () => {
        const log = await logs.open()
        const written = records(10, 'a')
        await log.append(ONE, written)
        await logs.trim(ONE, 0, 4)
        expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 4, next: 10 }])
        expect(await failureOf(readAll(log, ONE, 0, 3))).toBe('log.trimmed')
        expect((await readAll(log, ONE, 0, 4, { after: idAt(written, 3) })).map(content)).toEqual(
          written.slice(4).map(content),
        )
      },
    )

    it.skipIf(!logs.can.trim)('[log.same] offsets go on after everything was trimmed', async () => {
      const log = await logs.open()
      await log.append(ONE, records(5, 'a'))
      await logs.trim(ONE, 0, 5)
      expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 5, next: 5 }])
      expect(await readAll(log, ONE, 0, 5)).toEqual([])
      expect(await failureOf(readAll(log, ONE, 0, 0))).toBe('log.trimmed')
      expect(await log.append(ONE, records(1, 'a'))).toEqual([{ topic: ONE, partition: 0, offset: 5 }])
      await log.close()
      expect(await (await logs.open()).append(ONE, records(1, 'a'))).toEqual([{ topic: ONE, partition: 0, offset: 6 }])
    })

    it.skipIf(!logs.can.recreate)('[log.same] a log made anew at the same address stops an old reader', async () => {
      const log = await logs.open()
      const written = records(6, 'a')
      await log.append(ONE, written)
      await log.close()
      await logs.recreate()
      const anew = await logs.open()
      const after = idAt(written, 3)
      expect(await failureOf(readAll(anew, ONE, 0, 4, { after }))).toBe('log.diverged')
      await anew.append(ONE, records(8, 'b'))
      expect(await failureOf(readAll(anew, ONE, 0, 4, { after }))).toBe('log.diverged')
    })
  })
}

function idAt(written: readonly NewRecord[], i: number): string {
  return idOf(written[i] as NewRecord)
}
