/**
 * What every object storage must do. Called by each backend's test with a way to open an empty one.
 */
import { hash } from 'node:crypto'
import { assert, asyncProperty, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import type { Objects } from '#processors/ports/objects.ts'

const missing = expect.objectContaining({ code: 'object.missing' })

export function objectsContract(open: () => Promise<Objects> | Objects): void {
  test('gives back the bytes it was given, by their SHA-256', async () => {
    const objects = await open()
    await assert(
      asyncProperty(uint8Array({ maxLength: 300 }), async (bytes) => {
        const sha256 = await objects.put(bytes)
        expect(sha256).toBe(hash('sha256', bytes, 'hex'))
        expect(Buffer.from(await objects.get(sha256))).toEqual(Buffer.from(bytes))
        expect(await objects.has(sha256)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  test('keeps a large object whole', async () => {
    const objects = await open()
    const bytes = Buffer.alloc(20 * 1024 * 1024, 'lattice')
    const read = await objects.get(await objects.put(bytes))
    expect(bytes.equals(read)).toBe(true)
  })

  test('stores the same bytes once, put one after the other or all at once', async () => {
    const objects = await open()
    const bytes = Buffer.from('the same')
    const names = await Promise.all(Array.from({ length: 10 }, () => objects.put(bytes)))
    names.push(await objects.put(bytes))
    expect(new Set(names).size).toBe(1)
    const listed = await everything(objects)
    expect(listed.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes }))).toEqual([{ sha256: names[0], sizeBytes: 8 }])
  })

  test('lists everything with its size and age', async () => {
    const objects = await open()
    const before = Date.now() - 2000
    const names = await Promise.all([1, 2, 3].map((size) => objects.put(Buffer.alloc(size))))
    const listed = await everything(objects)
    expect(new Map(listed.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]))).toEqual(
      new Map(names.map((sha256, index) => [sha256, index + 1])),
    )
    for (const { modifiedAt } of listed) expect(modifiedAt).toBeGreaterThan(before)
  })

  test('forgets what was removed, and says so by name', async () => {
    const objects = await open()
    const sha256 = await objects.put(Buffer.from('short-lived'))
    await objects.remove(sha256)
    await objects.remove(sha256)
    expect(await objects.has(sha256)).toBe(false)
    await expect(objects.get(sha256)).rejects.toThrow(missing)
    expect(await everything(objects)).toEqual([])
  })

  test.for(['', '..', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63), 'a'.repeat(64)])(
    'knows nothing called %j',
    async (name) => {
      const objects = await open()
      expect(await objects.has(name)).toBe(false)
      await expect(objects.get(name)).rejects.toThrow(missing)
      await objects.remove(name)
    },
  )
}

export async function everything(
  objects: Objects,
): Promise<{ sha256: string; sizeBytes: number; modifiedAt: number }[]> {
  const listed = []
  for await (const one of objects.list()) listed.push(one)
  return listed
}
