/** `/v1/dead-letters` over real HTTP. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

/** A record that is no event, on a topic; resolves once every store that can't take it has set it aside. */
async function park(key: string, headers: Record<string, string> = {}): Promise<Answer['json'][]> {
  const [position] = await server.lattice.given.log.append('documents.v1', [
    { key, headers: { ce_id: key, ...headers }, value: Buffer.from(`garbage ${key}`) },
  ])
  return eventually('it is set aside', async () => {
    const { letters } = (await server.ask('/v1/dead-letters?limit=1000')).json
    const own = letters.filter(
      ({ topic, offset }: { topic: string; offset: number }) => topic === 'documents.v1' && offset === position?.offset,
    )
    return own.length > 0 ? own : undefined
  })
}

test('a record that is no event is listed and shown with its bytes', async () => {
  const [letter] = await park('stranger')
  expect(letter).toMatchObject({
    parkedBy: 'warehouse',
    topic: 'documents.v1',
    state: 'parked',
    recordId: 'stranger',
    settledAt: null,
  })
  const shown = (await server.ask(`/v1/dead-letters/${letter.letter}`)).json
  expect(Buffer.from(shown.value, 'base64').toString()).toBe('garbage stranger')
  expect(shown).toMatchObject({ ...letter, key: 'stranger', headers: { ce_id: 'stranger' } })
})

test('a letter is discarded once, with or without a reason', async () => {
  for (const [key, body] of [
    ['no-reason', undefined],
    ['a-reason', { reason: 'it was a test' }],
    ['empty', {}],
  ] as const) {
    const [letter] = await park(key)
    const discard = () =>
      server.ask(`/v1/dead-letters/${letter.letter}/discard`, {
        method: 'POST',
        ...(body === undefined ? {} : { body }),
      })
    const discarded = await discard()
    expect(discarded.status).toBe(202)
    const read = await server.ask(`/v1/dead-letters/${letter.letter}?at=${discarded.json.position}&wait=5000`)
    expect(read.json).toMatchObject({ state: 'discarded', settledAt: expect.any(String) })
    expect(await discard()).toMatchObject({ status: 409, code: 'letter.settled' })
    expect(await server.ask(`/v1/dead-letters/${letter.letter}/resubmit`, { method: 'POST' })).toMatchObject({
      status: 409,
      code: 'letter.settled',
    })
  }
})

test('a letter is resubmitted as a new record at the end of its topic', async () => {
  const [letter] = await park('again')
  const answer = await server.ask(`/v1/dead-letters/${letter.letter}/resubmit`, { method: 'POST' })
  expect(answer.status).toBe(202)
  expect(answer.json.resubmittedAt).toMatch(/documents\.v1:0:\d+$/)
  const read = await server.ask(
    `/v1/dead-letters/${letter.letter}?at=${answer.headers.get('x-lattice-position')}&wait=5000`,
  )
  expect(read.json.state).toBe('resubmitted')
  await eventually('the new record is set aside in turn', async () => {
    const { letters } = (await server.ask('/v1/dead-letters?state=parked')).json
    return letters.some(({ recordId }: { recordId: string }) => recordId === answer.json.recordId)
  })
})

test('an event of a run is not resubmitted: its chain has gone on', async () => {
  const [letter] = await park('of-a-run', { ce_run: 'some-run', ce_seq: '3', ce_prev: 'x' })
  const answer = await server.ask(`/v1/dead-letters/${letter.letter}/resubmit`, { method: 'POST' })
  expect(answer).toMatchObject({ status: 400, code: 'request.invalid' })
  expect(answer.json.remedy).toContain('rebuild')
})

test('pages hold each letter once', async () => {
  for (let count = 0; count < 7; count += 1) await park(`page-${count}`)
  const { letters: all } = (await server.ask('/v1/dead-letters?limit=1000')).json
  const seen: string[] = []
  let cursor = ''
  do {
    const { json } = await server.ask(`/v1/dead-letters?limit=3${cursor}`)
    seen.push(...json.letters.map(({ letter }: { letter: string }) => letter))
    cursor = json.next === null ? '' : `&cursor=${json.next}`
  } while (cursor !== '')
  expect(seen).toEqual(all.map(({ letter }: { letter: string }) => letter))
})

test('there is no letter of that name', async () => {
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/resubmit'],
    ['POST', '/discard'],
  ] as const) {
    expect(await server.ask(`/v1/dead-letters/nothing${path}`, { method })).toMatchObject({
      status: 404,
      code: 'letter.unknown',
    })
  }
})

test.for([{ reason: '' }, { reason: 1 }, { why: 'x' }, { reason: 'x'.repeat(1001) }, []])(
  'the wish %j is refused',
  async (body) => {
    expect(await server.ask('/v1/dead-letters/nothing/discard', { method: 'POST', body })).toMatchObject({
      status: 400,
      code: 'request.invalid',
    })
  },
)
