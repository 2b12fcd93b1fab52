import type { Position } from '#schemas/position.ts'
import { nameId } from '#schemas/ids.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { RecordHeaders } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Journal } from './journal.ts'
import type { BadRecord } from './read.ts'

/**
 * Sets a record aside as a dead letter (`poison.parked`, R4).
 *
 * Promise: resolves when the letter is on the log; the same record parked twice by the same store version has the same
 * letter id, so it counts once.
 */
export type Park = (
  record: BadRecord,
  by: { readonly by: string; readonly version: number; readonly code: string },
) => Promise<void>

/** Of the record's value, and of its headers: the record itself stays in the log, and a letter must fit a record. */
const keptBytes = 64 * 1024
const keptCharacters = 2000
const retryMs = 1000

export function parkOn(given: { journal: Journal; clock: Clock; report: Report; signal: AbortSignal }): Park {
  return async ({ record, position, type, bad }, { by, version, code }) => {
    given.report({ signal: 'record.parked', by, at: position, code, message: bad })
    const event = {
      type: 'record.parked',
      subject: formatPlace(position),
      id: letterId(by, version, position),
      data: {
        by,
        version,
        topic: position.topic,
        partition: position.partition,
        offset: position.offset,
        recordId: record.headers['ce_id'] ?? null,
        recordType: type ?? null,
        code,
        message: bad.slice(0, keptCharacters).toWellFormed(),
        key: record.key,
        headers: kept(record.headers),
        value: record.value.subarray(0, keptBytes),
      },
    } as const
    for (;;) {
      try {
        await given.journal.write([event])
        return
      } catch (error) {
        const mayPass =
          isFailure(error, 'log.unavailable') ||
          isFailure(error, 'log.full') ||
          isFailure(error, 'append.outcome-unknown')
        if (!mayPass || given.signal.aborted) throw error
        await given.clock.sleep(retryMs, given.signal)
      }
    }
  }
}

function kept(headers: RecordHeaders): Record<string, string> {
  let left = keptBytes
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => (left -= Buffer.byteLength(name) + Buffer.byteLength(value)) >= 0,
    ),
  )
}

export function letterId(by: string, version: number, at: Position): string {
  return nameId('letter', by, String(version), formatPlace(at))
}

function formatPlace(at: Position): string {
  return `${at.topic}:${at.partition}:${at.offset}`
}
