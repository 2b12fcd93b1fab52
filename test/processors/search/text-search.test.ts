/** Hybrid search's lexical half: what it finds, how sure it is, and what it survives. */
import { beforeEach, describe, expect, test } from 'vitest'
import { chunksProjection } from '#processors/search/chunks.projection.ts'
import { budgetCharacters, packPassages } from '#processors/search/pack-passages.ts'
import { search, type SearchHit } from '#processors/search/search.query.ts'
import { maxTerms, termsOf } from '#processors/search/terms.ts'
import { type Given, projected } from '#test/processors/given-events.ts'

let store: Given
beforeEach(() => {
  store = projected([chunksProjection])
})

const ingest = (path: string, content: string, corpus = 'docs') =>
  store.given({
    type: 'document.ingested',
    subject: `${corpus}/${path}`,
    data: {
      corpus,
      path,
      title: path,
      mediaType: 'text/plain',
      content,
      contentHash: content,
      sizeBytes: content.length,
    },
  })
const remove = (path: string, corpus = 'docs') =>
  store.given({ type: 'document.removed', subject: `${corpus}/${path}`, data: { corpus, path } })
const ask = (query: string, given: { corpora?: readonly string[]; k?: number; threshold?: number } = {}): SearchHit[] =>
  search(store.tables, { query, corpora: ['docs'], k: 5, threshold: 0.3, ...given })
const paths = (query: string, given?: Parameters<typeof ask>[1]): string[] => ask(query, given).map(({ path }) => path)

async function library(): Promise<void> {
  await ingest('bees', 'Bees collect nectar and pollen. A hive of bees makes honey through the summer.')
  await ingest('rockets', 'A rocket burns fuel with an oxidiser. The first stage falls back to earth.')
  await ingest('bread', 'Bread is baked from flour, water, salt and yeast. Honey makes it sweeter.')
  await ingest('lattice', 'Lattice runs tasks on small models and remembers all of it as events.')
}

describe('a question', () => {
  test('finds the passages about it, the best first', async () => {
    await library()
    expect(paths('how do bees make honey?')).toEqual(['bees', 'bread'])
    expect(paths('which fuel does the rocket burn')).toEqual(['rockets'])
    expect(paths('baking breads')).toEqual(['bread'])
  })

  test('has hits that are sure of themselves by how much of it they cover, from 0 to 1', async () => {
    await library()
    const [bees, bread] = ask('bees honey')
    expect(bees).toMatchObject({ rank: 1, score: 1, relevant: true })
    expect(bread!.score).toBeGreaterThan(0)
    expect(bread!.score).toBeLessThan(1)
    const hits = ask('honey quantum chromodynamics lagrangian', { threshold: 0.3 })
    expect(hits.map(({ relevant }) => relevant)).toEqual([false, false])
    for (const { score } of hits) expect(score).toBeLessThan(0.3)
  })

  test('made of stop words alone is answered by them', async () => {
    await ingest('hamlet', 'To be or not to be')
    expect(paths('to be or not to be')).toEqual(['hamlet'])
    expect(ask('What is this to you?').map(({ score }) => score)).toEqual([1])
  })

  test('without a word, or of no corpus, has no hits', async () => {
    await library()
    expect(ask('')).toEqual([])
    expect(ask(' \n\t?!…')).toEqual([])
    expect(ask('bees', { corpora: [] })).toEqual([])
  })

  test('is the same however its letters are composed', async () => {
    await ingest('cafe', 'Das Café am Platz'.normalize('NFC'))
    await ingest('naif', 'Une question naïve'.normalize('NFD'))
    expect(paths('cafés'.normalize('NFD'))).toEqual(['cafe'])
    expect(paths('naïve'.normalize('NFC'))).toEqual(['naif'])
    expect(paths('naïve'.normalize('NFD'))).toEqual(['naif'])
  })
})

describe('a corpus', () => {
  test('is seen by those alone who ask for it, whatever it is called', async () => {
    await ingest('a', 'the secret of one', 'one')
    await ingest('b', 'the secret of one two', 'one two')
    await ingest('c', 'the secret of quotes', '" OR corpus:*')
    expect(paths('secret', { corpora: ['one'] })).toEqual(['a'])
    expect(paths('secret', { corpora: ['one two'] })).toEqual(['b'])
    expect(paths('secret', { corpora: ['" OR corpus:*'] })).toEqual(['c'])
    expect(paths('secret', { corpora: ['two'] })).toEqual([])
    expect(paths('secret', { corpora: ['one', 'one two'] }).toSorted()).toEqual(['a', 'b'])
    expect(paths('one', { corpora: ['" OR corpus:*'] })).toEqual([])
  })

  test('may be one of a thousand', async () => {
    await ingest('a', 'a needle', 'corpus 999')
    const corpora = Array.from({ length: 1000 }, (_, n) => `corpus ${n}`)
    expect(paths('needle', { corpora })).toEqual(['a'])
  })

  test('weighs its words by itself: a foreign corpus changes no score', async () => {
    await library()
    const before = ask('bees honey').map(({ score }) => score)
    for (let n = 0; n < 20; n += 1) await ingest(`f${n}`, 'honey honey honey', 'foreign')
    expect(ask('bees honey').map(({ score }) => score)).toEqual(before)
  })
})

describe('a document', () => {
  test('that is replaced is found by its new words alone', async () => {
    await ingest('a', 'yesterday')
    await ingest('a', 'tomorrow')
    expect(paths('yesterday')).toEqual([])
    expect(paths('tomorrow')).toEqual(['a'])
    expect(store.rows('SELECT count(*) AS n FROM chunks_fts_rows')).toEqual([{ n: 1 }])
  })

  test('that is removed is not found, and leaves nothing; removing it again does nothing', async () => {
    await ingest('a', 'yesterday')
    await remove('a')
    await remove('a')
    expect(paths('yesterday')).toEqual([])
    for (const table of ['documents', 'chunks', 'chunks_fts', 'chunks_fts_rows']) {
      expect(store.rows(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 0 }])
    }
  })

  test('that comes back after others has the content of one that never left', async () => {
    await ingest('a', 'one')
    await ingest('b', 'two')
    const hash = store.tables.contentHash(['chunks'])
    await remove('a')
    await ingest('a', 'one')
    expect(store.tables.contentHash(['chunks'])).toBe(hash)
  })

  test('is searched at its heading too', async () => {
    await ingest('a', '# Installing\n\nRun it.\n\n## Telescopes\n\nLook up.')
    expect(ask('telescopes')[0]).toMatchObject({ heading: 'Installing › Telescopes' })
  })
})

describe('a hostile question', () => {
  test.for([
    '"',
    '""',
    '"bees',
    'bees" OR "x',
    'bees*',
    '^bees',
    'NEAR(bees honey)',
    'bees AND',
    'AND OR NOT',
    '{heading} : bees',
    'corpus : docs',
    '-bees',
    '(bees',
    'bees)',
    '+',
    "'; DROP TABLE chunks; --",
    'bees\0honey',
    '\ud800',
    'bees \udc00 honey',
    '𝒜'.repeat(100),
    '你好 世界',
    'क्या है',
    '‮bees',
    '🐝🐝🐝',
    'ß ẞ ﬁ',
    '\u{10D40}\u{1E4D0}\u{16D40}',
    'a'.repeat(10_000),
  ])('is taken as words: %j', async (query) => {
    await library()
    for (const { score } of ask(query)) {
      expect(score).toBeGreaterThanOrEqual(0)
      expect(score).toBeLessThanOrEqual(1)
    }
    expect(paths('bees')).toEqual(['bees'])
  })

  test('of a megabyte is answered in a moment', async () => {
    await library()
    const began = performance.now()
    ask('word '.repeat(200_000))
    ask(Array.from({ length: 150_000 }, (_, n) => `w${n}`).join(' '))
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('has at most so many terms, each once', () => {
    expect(termsOf(Array.from({ length: 100 }, (_, n) => `w${n} w${n}`).join(' '))).toHaveLength(maxTerms)
    expect(termsOf('The bees, the BEES and the Bees')).toEqual(['bees'])
  })
})

describe('packing', () => {
  const hit = (rank: number, given: Partial<SearchHit> = {}): SearchHit => ({
    chunk: `d:${rank}`,
    document: 'd',
    path: 'p',
    heading: '',
    text: 'x'.repeat(1200),
    rank,
    score: 1,
    relevant: true,
    ...given,
  })

  test('takes whole passages, the best first, within its budget, headings counted', () => {
    const heading = 'h'.repeat(300)
    const { hits, passages } = packPassages(Array.from({ length: 8 }, (_, n) => hit(n + 1, { heading })))
    expect(passages.map(({ chunk }) => chunk)).toEqual(['d:1', 'd:2', 'd:3'])
    expect(passages.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(budgetCharacters)
    expect(hits.map(({ used }) => used)).toEqual([true, true, true, false, false, false, false, false])
    expect(passages[0]!.text.startsWith(`${heading}\n`)).toBe(true)
  })

  test('leaves out what is not relevant, and fills up with smaller ones', () => {
    const big = hit(1, { text: 'x'.repeat(5900) })
    const { hits, passages } = packPassages([
      big,
      hit(2),
      hit(3, { relevant: false, text: 'y' }),
      hit(4, { text: 'small' }),
    ])
    expect(passages.map(({ chunk }) => chunk)).toEqual(['d:1', 'd:4'])
    expect(hits).toHaveLength(4)
  })
})
