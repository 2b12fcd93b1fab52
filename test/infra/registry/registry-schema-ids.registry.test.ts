/**
 * Schema ids from a real Confluent-compatible registry: compatible for ever, asked for once, and the same after it lost
 * everything.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openRegistrySchemaIds } from '#infra/registry/registry-schema-ids.ts'
import { type FailureCode, isFailure } from '#processors/ports/failure.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { startRegistry } from '#scripts/services/registry.ts'
import { freePort } from '#scripts/services/ports.ts'
import { listening } from '#test/fakes/listening.ts'

const url = process.env['LATTICE_TEST_REGISTRY'] ?? ''

/** A record with these fields; a name with `?` has a default. */
function schema(...fields: readonly string[]): string {
  return JSON.stringify({
    type: 'record',
    name: 'Happened',
    namespace: 'test',
    fields: fields.map((field) =>
      field.endsWith('?') ? { name: field.slice(0, -1), type: 'string', default: '' } : { name: field, type: 'string' },
    ),
  })
}

async function failure(code: FailureCode, work: Promise<unknown>): Promise<string> {
  const error = await work.catch((thrown: unknown) => thrown)
  if (!isFailure(error)) throw error
  expect(error.code).toBe(code)
  return error.message
}

async function compatibilityOf(subject: string): Promise<unknown> {
  const answer = await fetch(`${url}/config/${subject}`)
  return ((await answer.json()) as { compatibilityLevel?: unknown }).compatibilityLevel
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'registry-'))
  onTestFinished(async () => await rm(path, { recursive: true }))
  return path
}

describe('registry schema ids', () => {
  it('gives one id to one schema, to whoever asks, and the schema behind it', async () => {
    const [subject, field] = [`runs.v1-${randomUUID()}`, `f${randomUUID().slice(0, 8)}`]
    const ids = await openRegistrySchemaIds({ url })
    const [first, second] = [schema(field), schema(field, 'more?')]
    const id = await ids.idOf(subject, first)
    const next = await ids.idOf(subject, second)
    expect(next).not.toBe(id)
    const others = await openRegistrySchemaIds({ url })
    expect([await others.idOf(subject, first), await others.idOf(subject, second)]).toEqual([id, next])
    const stranger = await openRegistrySchemaIds({ url })
    expect(JSON.parse((await stranger.schemaOf(next)) ?? '')).toEqual(JSON.parse(second))
    expect(await stranger.schemaOf(2 ** 30)).toBeUndefined()
  })

  it('[schema.compatible] makes a subject backward transitive, also one that was not', async () => {
    const [fresh, lax] = [`fresh-${randomUUID()}`, `lax-${randomUUID()}`]
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
    await fetch(`${url}/subjects/${lax}/versions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ schema: schema('a') }),
    })
    expect(await compatibilityOf(lax)).not.toBe('BACKWARD_TRANSITIVE')
    const ids = await openRegistrySchemaIds({ url })
    for (const subject of [fresh, lax]) {
      await ids.idOf(subject, schema('a'))
      expect(await compatibilityOf(subject)).toBe('BACKWARD_TRANSITIVE')
    }
  })

  it('[schema.compatible] refuses what cannot read every earlier version, by name', async () => {
    const subject = `runs.v1-${randomUUID()}`
    const ids = await openRegistrySchemaIds({ url })
    await ids.idOf(subject, schema('a'))
    expect(await failure('schema.incompatible', ids.idOf(subject, schema('a', 'needed')))).toContain(subject)
    await ids.idOf(subject, schema('a', 'b?'))
    // It can read the version before, where b is written, and not the first.
    await failure('schema.incompatible', ids.idOf(subject, schema('a', 'b')))
    await failure('schema.incompatible', ids.idOf(subject, '{"type":"nothing"}'))
    await ids.idOf(subject, schema('a', 'b?', 'c?'))
  })

  // One test, as a registry takes its time to start: it is away, comes back empty, and comes back with a stranger in it.
  it(
    'one that is away is schema.unavailable; one that lost everything is given it again, and the same ids',
    { timeout: 120_000 },
    async () => {
      await using server = await startRegistry()
      const remember = join(await folder(), 'schemas', 'ids.json')
      const ids = await openRegistrySchemaIds({ url: server.url, remember, timeoutMs: 5_000 })
      const wanted = ['a', 'b', 'c'].map((field) => [`subject-${field}`, schema(field)] as const)
      const given = await Promise.all(wanted.map(([subject, text]) => ids.idOf(subject, text)))
      const [firstId = 0] = given

      await server.kill()
      expect(await ids.idOf('subject-a', schema('a'))).toBe(firstId)
      expect(await ids.schemaOf(firstId)).toBe(schema('a'))
      await failure('schema.unavailable', ids.idOf('subject-a', schema('a', 'more?')))
      await failure('schema.unavailable', ids.schemaOf(firstId + 100))
      const unable = await openRegistrySchemaIds({ url: server.url, remember, timeoutMs: 5_000 })
      await failure('schema.unavailable', unable.idOf('subject-a', schema('a')))

      await server.restart()
      const again = await openRegistrySchemaIds({ url: server.url, remember })
      // Asked in another order, it would number them in another way.
      for (const [index, [subject, text]] of [...wanted.entries()].toReversed()) {
        expect(await again.idOf(subject, text)).toBe(given[index])
        expect(await (await openRegistrySchemaIds({ url: server.url })).schemaOf(given[index] ?? 0)).toBe(text)
      }
      expect(given).not.toContain(await ids.idOf('subject-a', schema('a', 'more?')))

      await server.restart()
      const intruder = await openRegistrySchemaIds({ url: server.url })
      await intruder.idOf('another', schema('intruder'))
      const misled = await openRegistrySchemaIds({ url: server.url, remember })
      expect(await failure('schema.incompatible', misled.idOf('new', schema('new')))).toContain('another schema by id')
      // What the log means by an id is still known without the registry.
      expect(await misled.schemaOf(firstId)).toBe(schema('a'))
    },
  )

  it('one that does not answer is schema.unavailable in time, and its password is not told', async () => {
    await using silent = await listening(createServer(() => {}))
    for (const at of [silent.port, await freePort()]) {
      const ids = await openRegistrySchemaIds({ url: `http://me:secret@127.0.0.1:${at}/api`, timeoutMs: 200 })
      const message = await failure('schema.unavailable', ids.idOf('s', schema('a')))
      expect(message).toContain(`127.0.0.1:${at}/api`)
      expect(message).not.toContain('secret')
    }
  })

  it('serves the codec: every event type is registered, and what is written is read', async () => {
    const ids = await openRegistrySchemaIds({ url })
    const codec = await openCodec(ids)
    const types = Object.keys(schemaVersions) as (keyof typeof schemaVersions)[]
    const numbers = types.map((type) => codec.schemaIdOf(type))
    expect(new Set(numbers).size).toBe(types.length)
    for (const [index, type] of types.entries()) {
      expect(JSON.parse((await ids.schemaOf(numbers[index] ?? 0)) ?? '')).toEqual(
        JSON.parse(schemaVersions[type].at(-1) ?? ''),
      )
    }
  })
})
