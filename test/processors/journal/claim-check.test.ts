/** Large texts go to the objects first, and come back the same. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClaimCheck } from '#processors/journal/claim-check.ts'
import { recordLimits } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Objects } from '#processors/ports/objects.ts'
import { sha256 } from '#schemas/ids.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { anyDataOf, anyEvent } from '#test/schemas/any-event.ts'
import { sampleAnswer, sampleTask } from '#test/schemas/sample-data.ts'

type Kept = Pick<Objects, 'put' | 'get'> & { readonly kept: Map<string, Uint8Array> }

function objectsInMemory(): Kept & Objects {
  const kept = new Map<string, Uint8Array>()
  const objects: Kept = {
    kept,
    put: (bytes) => Promise.resolve(kept.set(sha256(bytes), bytes)).then(() => sha256(bytes)),
    get(name) {
      const bytes = kept.get(name)
      return bytes === undefined ? Promise.reject(new Failure('object.missing', name)) : Promise.resolve(bytes)
    },
  }
  return objects as Kept & Objects
}

const answer = sampleAnswer()

describe('the threshold', () => {
  test('a text of exactly the threshold stays, one byte more is claimed', async () => {
    const objects = objectsInMemory()
    const check = createClaimCheck({ objects, thresholdBytes: 10 })
    const stays = { ...answer, content: 'ééééé' }
    expect(check.needed('attempt.completed', stays)).toBe(false)
    const over = { ...answer, content: 'ééééé!' }
    expect(check.needed('attempt.completed', over)).toBe(true)
    expect(await check.claim('attempt.completed', over)).toEqual({
      ...answer,
      content: { sha256: sha256('ééééé!'), sizeBytes: 11 },
    })
    expect([...objects.kept.keys()]).toEqual([sha256('ééééé!')])
  })

  test('texts inside optional records are claimed too', async () => {
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 10 })
    const long = 'what does it do?'
    const data = sampleTask({ retrieval: { query: long, corpora: ['c'], k: 1, threshold: 0 } })
    const stored = await check.claim('task.submitted', data)
    expect(stored.retrieval?.query).toEqual({ sha256: sha256(long), sizeBytes: long.length })
    expect(stored.messages).toBe('[]')
  })

  test('what is claimed already stays as it is', async () => {
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 10 })
    const data = { ...answer, raw: { sha256: 'f'.repeat(64), sizeBytes: 1 } }
    expect(await check.claim('attempt.completed', data)).toBe(data)
  })
})

describe('the record', () => {
  const mid = (letter: string, bytes: number) => letter.repeat(bytes)

  test('when texts under the threshold sum over a record, the largest are claimed until it fits', async () => {
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 1000, recordBytes: 2400 })
    const data = {
      ...sampleTask(),
      messages: mid('m', 900),
      validatorOptions: mid('v', 800),
      retrieval: { query: mid('q', 700), corpora: [], k: 1, threshold: 0 },
    }
    expect(check.needed('task.submitted', data)).toBe(true)
    const stored = await check.claim('task.submitted', data)
    expect(stored.messages).toEqual({ sha256: sha256(data.messages), sizeBytes: 900 })
    expect([stored.validatorOptions, stored.retrieval?.query]).toEqual([data.validatorOptions, data.retrieval.query])
  })

  test('the same text twice is stored once and counted twice', async () => {
    const objects = objectsInMemory()
    const check = createClaimCheck({ objects, thresholdBytes: 100_000, recordBytes: 2000 })
    const stored = await check.claim('attempt.completed', { ...answer, content: mid('a', 1500), raw: mid('a', 1500) })
    expect(stored.content).toEqual(stored.raw)
    expect(objects.kept.size).toBe(1)
  })

  test('what cannot be claimed and is too large is refused by name, before anything is stored', async () => {
    const objects = objectsInMemory()
    const check = createClaimCheck({ objects, thresholdBytes: 1000, recordBytes: 2400 })
    const data = { ...answer, requestId: mid('r', 3000), content: mid('c', 1500) }
    expect(check.needed('attempt.completed', data)).toBe(true)
    await expect(check.claim('attempt.completed', data)).rejects.toMatchObject({ code: 'record.too-large' })
    expect(objects.kept.size).toBe(0)
  })

  test('a stored event fits a record, whatever its texts', async () => {
    const codec = await openCodec(catalogSchemaIds())
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 6_000_000 })
    const texts = fc.array(fc.tuple(fc.constantFrom('a', 'é', '✓'), fc.integer({ min: 0, max: 2_900_000 })), {
      minLength: 2,
      maxLength: 2,
    })
    await fc.assert(
      fc.asyncProperty(texts, async (pairs) => {
        const [content = '', raw = ''] = pairs.map(([letter, count]) => letter.repeat(count))
        const stored = await check.claim('attempt.completed', { ...answer, content, raw })
        expect(codec.encode('attempt.completed', stored).length).toBeLessThanOrEqual(recordLimits.bytes)
      }),
      { numRuns: 15 },
    )
  })
})

describe('laws', () => {
  test('what was claimed opens to what it was, for every event', async () => {
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 3 })
    await fc.assert(
      fc.asyncProperty(anyEvent, async ({ type, data }) => {
        const opened = await check.openData(type, await check.claim(type, data)).catch((error: unknown) => error)
        const held = JSON.stringify(data).includes('"sha256":')
        if (held && opened instanceof Failure) expect(opened.code).toBe('object.missing')
        else expect(opened).toEqual(data)
      }),
    )
  })

  test('what is not needed changes nothing', async () => {
    const objects = objectsInMemory()
    const check = createClaimCheck({ objects, thresholdBytes: 20 })
    await fc.assert(
      fc.asyncProperty(anyDataOf('attempt.completed'), async (data) => {
        const needed = check.needed('attempt.completed', data)
        expect((await check.claim('attempt.completed', data)) === data).toBe(!needed)
      }),
    )
  })

  test('a text opens to itself; a missing object says so', async () => {
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 3 })
    expect(await check.open('text')).toBe('text')
    await expect(check.open({ sha256: 'gone', sizeBytes: 1 })).rejects.toMatchObject({ code: 'object.missing' })
  })

  test('a lone surrogate is kept as every reader sees it', async () => {
    const check = createClaimCheck({ objects: objectsInMemory(), thresholdBytes: 3 })
    const stored = await check.claim('attempt.completed', { ...answer, content: 'long \ud800' })
    expect(await check.open(stored.content)).toBe('long \ufffd')
  })
})
