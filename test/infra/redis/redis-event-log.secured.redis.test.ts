/**
 * A real Redis that is encrypted and asks who is there: who is let in appends and reads, and who is not is told at once
 * what to change, without a word of the password.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { openRedisWorkShare } from '#infra/redis/redis-work-share.ts'
import { Failure } from '#processors/ports/failure.ts'
import { makeCertificates } from '#scripts/services/certificates.ts'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'

/** Of an ACL that leaves everything else on that server alone. */
const account = { user: 'alice', password: 'c0rrect-p@ss:w/rd%', may: '~lattice:* &* +@all -@admin -@dangerous' }
const trustedBefore = getCACertificates('default')
let server: RedisServer
let port: number
let authority: string

/** As NODE_EXTRA_CA_CERTS does at the start of a process. */
function trust(...authorities: readonly string[]): void {
  setDefaultCACertificates([...trustedBefore, ...authorities])
}

function url({ scheme = 'rediss', user = account.user, password = account.password, at = port } = {}): string {
  return `${scheme}://${user}:${encodeURIComponent(password)}@127.0.0.1:${at}`
}

beforeAll(async () => {
  server = await startRedis({ account, fsync: 'always' })
  if (server.secured === undefined) throw new Error('it has no encrypted port')
  port = server.secured.port
  authority = await readFile(server.secured.authority, 'utf8')
  trust(authority)
})

afterAll(async () => {
  trust()
  await server.stop()
})

describe('who is let in', () => {
  test('appends, follows and shares work over TLS, as a user who may touch this namespace alone', async () => {
    const log = await openRedisEventLog({ url: url() })
    const share = await openRedisWorkShare({ url: url() })
    const stop = new AbortController()
    const followed = (async () => {
      const from = { topic: 'runs.v1', partition: 0, offset: 0 } as const
      for await (const [record] of log.read(from, { follow: true, signal: stop.signal })) return record
      return undefined
    })()
    await log.append('runs.v1', [{ key: 'a', headers: { run: 'r' }, value: Buffer.from('kept') }])
    expect(Buffer.from((await followed)?.value ?? []).toString()).toBe('kept')
    for await (const delivery of share.take('runs.v1', 'workers', { window: 1, signal: stop.signal })) {
      expect(delivery.record.key).toBe('a')
      await delivery.done()
      break
    }
    stop.abort()
    await share.close()
    await log.close()
  })
})

async function refusal(address: string): Promise<Failure> {
  const began = performance.now()
  const failure = await openRedisEventLog({ url: address, connectMs: 30_000 }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Failure)
  expect(performance.now() - began).toBeLessThan(10_000)
  return failure as Failure
}

describe('who is not let in is told at once what to change', () => {
  test('a wrong password', async () => {
    const wrong = 'wr0ng-secret-word'
    const failure = await refusal(url({ password: wrong }))
    expect(failure).toMatchObject({ code: 'log.unavailable', message: expect.stringContaining('WRONGPASS') })
    expect(failure.remedy).toContain('LATTICE_LOG')
    expect(`${failure.message} ${failure.remedy}`).not.toContain(wrong)
  })

  test('no password', async () => {
    const failure = await refusal(`rediss://127.0.0.1:${port}`)
    expect(failure).toMatchObject({ code: 'log.unavailable', message: expect.stringContaining('NOAUTH') })
  })

  test('an authority that is not trusted', async () => {
    const other = await makeCertificates(join(server.dataDir, 'other'))
    trust(await readFile(other.authority, 'utf8'))
    const failure = await refusal(url()).finally(() => trust(authority))
    expect(failure).toMatchObject({ code: 'log.unavailable', message: expect.stringContaining('certificate') })
    expect(failure.remedy).toContain('NODE_EXTRA_CA_CERTS')
    expect(`${failure.message} ${failure.remedy}`).not.toContain(account.password)
  })

  test('TLS on a port without it, and none on one with it', async () => {
    const short = { connectMs: 500 }
    for (const address of [url({ at: server.port }), url({ scheme: 'redis' })]) {
      const failure = await openRedisEventLog({ url: address, ...short }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'log.unavailable', remedy: expect.stringContaining('rediss://') })
    }
  })
})
