/** The one way onto the log, and its topics as people read them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readEvents } from '#processors/journal/events.query.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { chained } from '#test/processors/recorded.ts'
import { happened } from '#test/processors/runs/run-script.ts'

let world: LogWorld
beforeEach(async () => {
  world = await openLogWorld({ claimCheckBytes: 1000 })
})
afterEach(() => world.close())

const removed = (path: string) => ({ type: 'document.removed', subject: path, data: { corpus: 'docs', path } }) as const
const read = (topic: 'documents.v1' | 'runs.v1', from?: number) =>
  Array.fromAsync(
    readEvents(world, {
      topic,
      follow: false,
      signal: new AbortController().signal,
      ...(from === undefined ? {} : { from }),
    }),
  )

describe('what is written', () => {
  test('is read as it was prepared: its id, place, envelope and data', async () => {
    const { events, positions } = await world.journal.write([removed('a'), removed('b')])
    const seen = await read('documents.v1')
    expect(seen.map(({ position }) => position)).toEqual(positions)
    expect(seen.map(({ envelope }) => envelope?.id)).toEqual(events.map(({ event }) => event.id))
    expect(seen[1]).toMatchObject({
      type: 'document.removed',
      key: 'b',
      data: { path: 'b' },
      envelope: { source: '/lattice/test/1' },
    })
  })

  test('again after an unknown outcome has the same id', async () => {
    const [prepared] = await world.journal.prepare([removed('a')])
    await world.journal.append([prepared!])
    await world.journal.append([prepared!])
    const ids = (await read('documents.v1')).map(({ envelope }) => envelope?.id)
    expect(ids).toEqual([prepared!.event.id, prepared!.event.id])
  })

  test('is a claim where it is large, and whole when it is opened', async () => {
    const content = 'ü'.repeat(5000)
    const { events } = await world.journal.write(
      chained('r', [
        happened.submitted(),
        happened.started(),
        happened.attempted(1),
        happened.answered(1, { content }),
      ]),
    )
    const { data } = events[3]!.event as { data: { content: string } }
    expect(data.content).toMatchObject({ sizeBytes: 10_000 })
    expect(await world.claimCheck.open(data.content)).toBe(content)
  })

  test('is split where it is more than a record call may hold, in order', async () => {
    const paths = Array.from({ length: 2500 }, (_, n) => `document-${n}`)
    const { positions } = await world.journal.write(paths.map(removed))
    expect(positions.map(({ offset }) => offset)).toEqual(paths.map((_, n) => n))
    expect((await read('documents.v1', 2490)).map(({ key }) => key)).toEqual(paths.slice(2490))
  })

  test('with much in its headers is split by all of its bytes', async () => {
    const huge = `state=${'x'.repeat(900 * 1024)}`
    const events = Array.from({ length: 12 }, (_, n) => ({ ...removed(`d${n}`), traceparent: huge }))
    expect((await world.journal.write(events)).positions).toHaveLength(12)
  })

  test('that is no such event is refused by name, and nothing is written', async () => {
    const wrong = { type: 'document.removed', subject: 'a', data: { corpus: 1 } } as never
    await expect(world.journal.write([removed('a'), wrong])).rejects.toMatchObject({ code: 'request.invalid' })
    expect(await read('documents.v1')).toEqual([])
  })

  test('nothing at all writes nothing', async () => {
    expect(await world.journal.write([])).toEqual({ events: [], positions: [] })
  })
})

describe('a topic', () => {
  test('shows everything: what is no event, what can not be read, and what was rejected', async () => {
    await world.journal.write(
      chained('r', [happened.submitted(), happened.started(), happened.attempted(1), happened.answered(1)]),
    )
    await world.log.append('runs.v1', [
      { key: 'x', headers: {}, value: Buffer.from('?') },
      { key: 'x', headers: { ce_id: '1', ce_type: 'run.started' }, value: Buffer.from('?') },
      { key: 'x', headers: { ce_id: '2', ce_type: 'of.tomorrow' }, value: Buffer.from('?') },
    ])
    const seen = await read('runs.v1')
    expect(seen.map(({ type }) => type)).toEqual([
      'task.submitted',
      'run.started',
      'attempt.started',
      'attempt.completed',
      'attempt.completed',
      'task.cancelled',
      undefined,
      'run.started',
      'of.tomorrow',
    ])
    expect(seen.map(({ bad }) => bad !== undefined)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      true,
    ])
  })

  test('is followed over all of its partitions, each record once', async () => {
    const many = await openLogWorld({ partitions: 3 })
    const ended = new AbortController()
    const seen: string[] = []
    const following = (async () => {
      for await (const { key } of readEvents(many, { topic: 'documents.v1', follow: true, signal: ended.signal }))
        seen.push(key)
    })()
    const paths = Array.from({ length: 50 }, (_, n) => `d${n}`)
    for (const path of paths) await many.journal.write([removed(path)])
    await eventually('all', () => seen.length >= 50)
    ended.abort()
    await following
    expect(seen.toSorted()).toEqual(paths.toSorted())
    await many.close()
  })
})
