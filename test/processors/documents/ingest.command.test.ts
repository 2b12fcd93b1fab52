/** A folder's documents: which are read, which are named as skipped, and what comes onto the log of them. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ingestFolder, knownDocuments } from '#processors/documents/ingest.command.ts'
import { corpusOf, documentLimitBytes, readFolder } from '#processors/documents/read-folder.ts'
import { openLiveStore } from '#processors/stores/live-store.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-documents-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), content)
}
const read = (max = 20) => readFolder(folder, { max })
const pathsOf = async (max?: number): Promise<string[]> => (await read(max)).documents.map(({ path }) => path)

describe('a folder', () => {
  test.each(['readme.md', 'Readme.md', 'README.MD'])('offers its README also as %s', async (name) => {
    put(name, 'about it')
    expect((await readFolder(folder, { max: 100 })).documents.map(({ path }) => path)).toEqual([name])
  })

  test('offers its README, documentation.txt and what is below docs, in a fixed order', async () => {
    for (const path of ['docs/b.md', 'docs/a/deep/c.txt', 'README.md', 'README', 'README.de.md', 'documentation.txt'])
      put(path, path)
    for (const path of ['src/README.md', 'docs/image.svg', 'notes.md', 'package.json']) put(path, path)
    expect(await pathsOf()).toEqual([
      'README',
      'README.de.md',
      'README.md',
      'documentation.txt',
      'docs/b.md',
      'docs/a/deep/c.txt',
    ])
  })

  test('offers at most so many, and says how many are left', async () => {
    for (let n = 0; n < 7; n += 1) put(`docs/${n}.md`, `text ${n}`)
    const { documents, left } = await read(3)
    expect(documents.map(({ path }) => path)).toEqual(['docs/0.md', 'docs/1.md', 'docs/2.md'])
    expect(left).toBe(4)
  })

  test('that is empty offers nothing', async () => {
    expect(await read()).toEqual({ documents: [], skipped: [], left: 0 })
  })

  test('has one corpus, by whatever way it is reached', async () => {
    const link = `${folder}-link`
    symlinkSync(folder, link)
    expect(await corpusOf(link)).toBe(await corpusOf(`${folder}/.`))
    rmSync(link)
  })
})

describe('a file', () => {
  test('that is no text, too large or led out of the folder is named with the reason', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'lattice-outside-'))
    writeFileSync(join(outside, 'secret.md'), 'secret')
    put('docs/nul.md', 'a\0b')
    put('docs/latin1.txt', Buffer.from([0x67, 0xfc, 0x6e]))
    put('docs/blank.md', ' \n\n')
    put('docs/huge.md', 'x')
    truncateSync(join(folder, 'docs/huge.md'), documentLimitBytes + 1)
    symlinkSync(join(outside, 'secret.md'), join(folder, 'docs/way-out.md'))
    symlinkSync(outside, join(folder, 'docs/way-out'))
    symlinkSync(join(folder, 'nowhere'), join(folder, 'README.md'))
    put('docs/good.md', 'good')
    symlinkSync(join(folder, 'docs/good.md'), join(folder, 'docs/within.md'))
    const { documents, skipped } = await read()
    expect(documents.map(({ path }) => path)).toEqual(['docs/good.md', 'docs/within.md'])
    const reasons = Object.fromEntries(skipped.map(({ path, reason }) => [path, reason]))
    expect(reasons).toMatchObject({
      'README.md': 'cannot be read: ENOENT',
      'docs/blank.md': 'empty',
      'docs/huge.md': expect.stringContaining('larger than'),
      'docs/latin1.txt': 'not UTF-8 text',
      'docs/nul.md': 'not UTF-8 text',
      'docs/way-out.md': 'it leads out of the folder',
    })
    expect(JSON.stringify(documents)).not.toContain('secret')
    rmSync(outside, { recursive: true })
  })

  test('that is a folder, a pipe or a loop does not keep anybody waiting', async () => {
    mkdirSync(join(folder, 'README.d'))
    mkdirSync(join(folder, 'docs'))
    spawnSync('mkfifo', [join(folder, 'docs/pipe.md')])
    symlinkSync(folder, join(folder, 'docs/loop'))
    symlinkSync('circle.md', join(folder, 'docs/circle.md'))
    put('docs/good.md', 'good')
    expect(await pathsOf()).toEqual(['docs/good.md'])
  })

  test('has its first heading as its title, its bytes as its hash, and no byte order mark', async () => {
    put('README.md', '\ufeffintro\n\n# The title\n\ntext')
    const [document] = (await read()).documents
    expect(document).toMatchObject({ title: 'The title', mediaType: 'text/markdown' })
    expect(document!.content.startsWith('intro')).toBe(true)
    expect(document!.sizeBytes).toBe(Buffer.byteLength(document!.content) + 3)
  })
})

describe('ingesting: embedded log', () => {
  let world: LogWorld
  beforeEach(async () => {
    world = await openLogWorld()
  })
  afterEach(() => world.close())

  test('writes what is new or changed once, and removes what is gone', async () => {
    const search = await openLiveStore(world.stores.search, { builds: world.builds, ports: world.ports })
    const ingest = async (max = 20) => {
      const known = (corpus: string) => search.query((tables) => knownDocuments(tables, corpus))
      const { ingested, removed, unchanged, positions, left } = await ingestFolder(
        { journal: world.journal, report: world.ports.report },
        { folder, max, known },
      )
      await search.reached(positions, 10_000)
      return { ingested, removed, unchanged, left }
    }
    const stored = () =>
      search.query((tables) => tables.all('SELECT path FROM documents ORDER BY path').map(({ path }) => path))
    try {
      put('README.md', 'one')
      put('docs/a.md', 'two')
      expect(await ingest()).toEqual({ ingested: 2, removed: 0, unchanged: 0, left: 0 })
      expect(await ingest()).toEqual({ ingested: 0, removed: 0, unchanged: 2, left: 0 })
      put('docs/a.md', 'three')
      put('docs/b.md', 'four')
      rmSync(join(folder, 'README.md'))
      expect(await ingest()).toEqual({ ingested: 2, removed: 1, unchanged: 0, left: 0 })
      expect(await stored()).toEqual(['docs/a.md', 'docs/b.md'])
      // What is left out for the maximum's sake is not gone; what can't be read now neither.
      expect(await ingest(1)).toMatchObject({ removed: 0, left: 1 })
      put('docs/b.md', 'no text \0')
      expect(await ingest()).toMatchObject({ removed: 0 })
      expect(await stored()).toEqual(['docs/a.md', 'docs/b.md'])
    } finally {
      await search.close()
    }
  })
})
