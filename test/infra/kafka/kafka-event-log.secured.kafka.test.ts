/**
 * A real Kafka whose listeners are encrypted, ask who is there, or both: who is let in appends and reads, and who is not
 * is told at once what to change, without a word of the password.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type KafkaCredentials, type SaslMechanism, readKafkaAddress } from '#infra/kafka/kafka-address.ts'
import { type KafkaEventLogOptions, openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { makeCertificates } from '#scripts/services/certificates.ts'
import { type KafkaServer, startKafka } from '#scripts/services/kafka.ts'
import type { SecuredListeners } from '#scripts/services/kafka-listeners.ts'

const account = { user: 'alice', password: 'c0rrect-p@ss:w/rd%' }
const noOne: KafkaCredentials = { mechanism: 'plain', username: undefined, password: undefined }
const trustedBefore = getCACertificates('default')
let server: KafkaServer
let at: SecuredListeners
let authority: string

/** As NODE_EXTRA_CA_CERTS does at the start of a process. */
function trust(...authorities: readonly string[]): void {
  setDefaultCACertificates([...trustedBefore, ...authorities])
}

beforeAll(async () => {
  server = await startKafka({ account })
  if (server.secured === undefined) throw new Error('it has no secured listeners')
  at = server.secured
  authority = await readFile(at.authority, 'utf8')
  trust(authority)
}, 90_000)

afterAll(async () => {
  trust()
  await server.stop()
})

let spaces = 0

async function open(url: string, credentials: KafkaCredentials = noOne, more: Partial<KafkaEventLogOptions> = {}) {
  spaces += 1
  const space = { namespace: `secured-${spaces}`, partitions: 2, openPatienceMs: 60_000 }
  return await openKafkaEventLog({ ...readKafkaAddress(url, credentials), ...space, ...more })
}

async function appendsAndReads(url: string, credentials?: KafkaCredentials): Promise<void> {
  await using log = await opened(url, credentials)
  const record = { key: 'a', headers: { run: 'r' }, value: Buffer.from('kept') }
  const [position] = await log.append('runs.v1', [record])
  if (position === undefined) throw new Error('no position')
  for await (const [first] of log.read(position)) {
    expect(Buffer.from(first?.value ?? []).toString()).toBe('kept')
    return
  }
  throw new Error('nothing was read')
}

async function opened(url: string, credentials?: KafkaCredentials) {
  const log = await open(url, credentials)
  return Object.assign(log, { [Symbol.asyncDispose]: () => log.close() })
}

/** Without the patience it has where waiting may help, a test of these would take too long. */
async function refusal(
  url: string,
  credentials?: KafkaCredentials,
  more?: Partial<KafkaEventLogOptions>,
): Promise<Failure> {
  const failure = await open(url, credentials, more).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Failure)
  expect((failure as Failure).code).toBe('log.unavailable')
  expect((failure as Failure).message).toMatch(/^Kafka cannot be reached: no broker/)
  return failure as Failure
}

const as = (given: Partial<KafkaCredentials>): KafkaCredentials => ({
  mechanism: 'plain',
  username: account.user,
  password: account.password,
  ...given,
})
const mechanisms: readonly SaslMechanism[] = ['plain', 'scram-sha-256', 'scram-sha-512']

describe('who is let in appends and reads', () => {
  test('over TLS alone', async () => await appendsAndReads(`kafka+ssl://${at.tls}`))

  test.for(mechanisms)('with %s over TLS', async (mechanism) => {
    await appendsAndReads(`kafka+ssl://${at.saslTls}`, as({ mechanism }))
  })

  test.for(mechanisms)('with %s in plain', async (mechanism) => {
    await appendsAndReads(`kafka://${at.sasl}`, as({ mechanism }))
  })

  test('with the user in the address, percent-encoded', async () => {
    const password = encodeURIComponent(account.password)
    await appendsAndReads(`kafka+ssl://${account.user}:${password}@${at.saslTls}`)
  })
})

describe('who is not let in is told at once what to change', () => {
  test.for(mechanisms)('a wrong password with %s', async (mechanism) => {
    const wrong = 'wr0ng-secret-word'
    const failure = await refusal(`kafka+ssl://${at.saslTls}`, as({ mechanism, password: wrong }))
    expect(failure.message).toMatch(/SASL .* authentication failed/)
    expect(failure.remedy).toMatch(/LATTICE_KAFKA_SASL_PASSWORD/)
    expect(`${failure.message} ${failure.remedy}`).not.toContain(wrong)
  })

  test('an unknown user', async () => {
    const failure = await refusal(`kafka+ssl://${at.saslTls}`, as({ mechanism: 'scram-sha-512', username: 'mallory' }))
    expect(failure.remedy).toMatch(/LATTICE_KAFKA_SASL_USERNAME/)
  })

  test('a user where nobody asks for one', async () => {
    const failure = await refusal(`kafka+ssl://${at.tls}`, as({}))
    expect(failure.remedy).toMatch(/asks for no user/)
  })

  test('an authority that is not trusted', async () => {
    const other = await makeCertificates(join(server.dataDir, 'other'))
    trust(await readFile(other.authority, 'utf8'))
    const failure = await refusal(`kafka+ssl://${at.saslTls}`, as({})).finally(() => trust(authority))
    expect(failure.message).toMatch(/certificate/)
    expect(failure.remedy).toMatch(/NODE_EXTRA_CA_CERTS/)
    expect(`${failure.message} ${failure.remedy}`).not.toContain(account.password)
  })

  test('a name that the certificate does not have', async () => {
    const port = Number(at.tls.split(':')[1])
    const dial = () => ({ host: '127.0.0.1', port })
    const failure = await refusal(`kafka+ssl://broker.example:${port}`, noOne, { dial })
    expect(failure.remedy).toMatch(/as its certificate does/)
  })
})

describe('what a broker that may only be starting does too is told when patience ends', () => {
  const soon = { openPatienceMs: 500 }
  test('no user where one is asked for', async () => {
    const failure = await refusal(`kafka+ssl://${at.saslTls}`, noOne, soon)
    expect(failure.remedy).toMatch(/a user where it asks for one/)
  })

  test('TLS where there is none', async () => {
    const failure = await refusal(`kafka+ssl://${server.brokers}`, noOne, soon)
    expect(failure.remedy).toMatch(/kafka\+ssl:\/\/ for an encrypted port/)
  })

  test('none where there is TLS', async () => {
    const failure = await refusal(`kafka://${at.tls}`, noOne, soon)
    expect(failure.remedy).toMatch(/kafka\+ssl:\/\/ for an encrypted port/)
  })
})
