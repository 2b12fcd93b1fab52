/** A folder's documents: what is told of one that is not there. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { corpusOf, readFolder } from '#processors/documents/read-folder.ts'

test('a folder that is not there is named', async () => {
  const folder = join(import.meta.dirname, 'not-there')
  const named = { code: 'request.invalid', message: expect.stringContaining(folder) }
  await expect(readFolder(folder, { max: 1 })).rejects.toMatchObject(named)
  await expect(corpusOf(folder)).rejects.toMatchObject(named)
})
