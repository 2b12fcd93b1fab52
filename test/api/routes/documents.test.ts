/** Documents posted and found again, over real HTTP. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

const post = (body: unknown): Promise<Answer> => server.ask('/v1/documents', { method: 'POST', body })

async function find(q: string, corpus: string, at = ''): Promise<Answer['json']['hits']> {
  const { json } = await server.ask(
    `/v1/search?q=${encodeURIComponent(q)}&corpus=${corpus}${at === '' ? '' : `&at=${at}&wait=5000`}`,
  )
  return json.hits
}

test('a document is found at its position, and replaced by the next of its path', async () => {
  const first = await post({ corpus: 'guide', path: 'a/start.md', content: '# Start\n\nWidgets are sorted by colour.' })
  expect(first.status).toBe(202)
  expect(first.json).toMatchObject({ unchanged: false, position: first.headers.get('x-lattice-position') })
  expect(await find('How are widgets sorted?', 'guide', first.json.position)).toMatchObject([
    { path: 'a/start.md', heading: 'Start', rank: 1, relevant: true, document: first.json.document },
  ])
  const second = await post({ corpus: 'guide', path: 'a/start.md', content: 'Widgets are sorted by weight.' })
  expect(second.json.document).toBe(first.json.document)
  const [hit, ...others] = await find('widgets sorted', 'guide', second.json.position)
  expect(hit.text).toContain('weight')
  expect(others).toEqual([])
})

test('the same document again writes nothing; another title or type does', async () => {
  const body = { corpus: 'same', path: 'one.txt', content: 'Nothing changes here.' }
  const first = await post(body)
  const [before] = await server.lattice.given.log.bounds('documents.v1')
  for (let count = 0; count < 3; count += 1) {
    const again = await post(body)
    expect(again).toMatchObject({ status: 202, json: { unchanged: true, contentHash: first.json.contentHash } })
    expect(await find('nothing changes', 'same', again.json.position)).toHaveLength(1)
  }
  expect((await server.lattice.given.log.bounds('documents.v1'))[0]).toEqual(before)
  expect((await post({ ...body, title: 'Another' })).json.unchanged).toBe(false)
  expect((await post({ ...body, title: 'Another', mediaType: 'text/markdown' })).json.unchanged).toBe(false)
})

test('corpora whose names are alike are apart, in searches and in tasks', async () => {
  const names = ['docs', 'docs-2', 'docs.2', 'Docs', '2-docs']
  let position = ''
  for (const corpus of names)
    ({ position } = (await post({ corpus, path: 'x.md', content: `Gizmos belong to ${corpus}.` })).json)
  for (const corpus of names) {
    const hits = await find('gizmos belong', corpus, position)
    expect(hits.map(({ text }: { text: string }) => text)).toEqual([`Gizmos belong to ${corpus}.`])
  }
  expect(await find('gizmos', '"docs" OR corpus', position)).toEqual([])
})

test.for([
  ['no corpus', { path: 'a', content: 'x' }],
  ['a corpus with a space', { corpus: 'a b', path: 'a', content: 'x' }],
  ['an empty content', { corpus: 'c', path: 'a', content: '' }],
  ['a content of spaces', { corpus: 'c', path: 'a', content: ' \n ' }],
  ['a content that is only a byte order mark', { corpus: 'c', path: 'a', content: '\uFEFF' }],
  ['a path that leads out', { corpus: 'c', path: '../a', content: 'x' }],
  ['a path that leads out further in', { corpus: 'c', path: 'a/../../b', content: 'x' }],
  ['an absolute path', { corpus: 'c', path: '/etc/passwd', content: 'x' }],
  ['a path with a backslash', { corpus: 'c', path: 'a\\b', content: 'x' }],
  ['a path with a line end', { corpus: 'c', path: 'a\nb', content: 'x' }],
  ['a path that ends in a slash', { corpus: 'c', path: 'a/', content: 'x' }],
  ['a binary type', { corpus: 'c', path: 'a', content: 'x', mediaType: 'image/png' }],
  ['an unknown field', { corpus: 'c', path: 'a', content: 'x', force: true }],
] as const)('%s is refused', async ([, body]) => {
  expect(await post(body)).toMatchObject({ status: 400, code: 'request.invalid' })
})

test('a document of 5 MB is taken and found', async () => {
  const content = `${'Lorem ipsum dolor sit amet. '.repeat(180_000)}\n\nThe needle is in here.`
  const { json } = await post({ corpus: 'large', path: 'hay.txt', content })
  const hits = await find('Where is the needle?', 'large', json.position)
  expect(hits[0].text).toContain('needle')
})

test('a search without a corpus looks into the folder the server stands in', async () => {
  const { json } = await server.ask('/v1/search?q=anything')
  expect(json.corpora).toHaveLength(1)
})

test.for(['q=', 'corpus=a', 'q=a&k=0', 'q=a&k=51', 'q=a&corpus=', 'q=a&q=b'])(
  'GET /v1/search?%s is refused',
  async (query) => {
    expect(await server.ask(`/v1/search?${query}`)).toMatchObject({ status: 400, code: 'request.invalid' })
  },
)

test.for([
  '"',
  "'",
  '*',
  'a OR',
  'NEAR(',
  '(',
  'corpus : x',
  '{a b} : c',
  '\u0000',
  '😀',
  'ﬀ',
  '-',
  'a'.repeat(1000),
  '\ud83d',
])('the question %j is a question and no syntax', async (q) => {
  expect((await server.ask(`/v1/search?corpus=guide&q=${encodeURIComponent(q.toWellFormed())}`)).status).toBe(200)
})
