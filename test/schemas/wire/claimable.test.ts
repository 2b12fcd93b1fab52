/** Claimable texts are found by schema, wherever they stand. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventTypes } from '#schemas/catalog.ts'
import type { ObjectRef } from '#schemas/generated.ts'
import { hasClaimable, mapClaimable } from '#schemas/wire/claimable.ts'
import { anyDataOf, anyEvent } from '#test/schemas/any-event.ts'

test('the types with claimable texts are those whose schema says so', () => {
  expect(eventTypes.filter(hasClaimable).join(' ')).toBe(
    'task.submitted retrieval.completed attempt.started attempt.completed attempt.failed verdict.reached document.ingested',
  )
})

test('nothing changed gives the very same data', () => {
  fc.assert(
    fc.property(anyEvent, ({ type, data }) => {
      expect(mapClaimable(type, data, (value) => value)).toBe(data)
    }),
  )
})

test('every claimable text is replaced, also inside an optional record, and the rest is untouched', () => {
  fc.assert(
    fc.property(anyDataOf('task.submitted'), (data) => {
      const ref: ObjectRef = { sha256: 'new', sizeBytes: 1 }
      const before = structuredClone(data)
      const after = mapClaimable('task.submitted', data, () => ref)
      expect(after).toEqual({
        ...data,
        messages: ref,
        validatorOptions: data.validatorOptions === null ? null : ref,
        retrieval: data.retrieval === null ? null : { ...data.retrieval, query: ref },
      })
      expect(data).toEqual(before)
    }),
  )
})
