/**
 * What `LATTICE_LOG=kafka://…` says: brokers, whether the wire is encrypted, and who asks.
 *
 * Promise: what stands before the `@` never becomes part of a broker's name. TLS trusts what Node trusts, so a private
 * authority is named by `NODE_EXTRA_CA_CERTS`. Errors: `settings.invalid`, without the secret.
 */
import type { KafkaConfig } from 'kafkajs'
import { Failure } from '#processors/ports/failure.ts'

export interface KafkaAddress {
  readonly brokers: readonly string[]
  readonly ssl?: true
  readonly sasl?: Sasl
}

type Sasl = NonNullable<KafkaConfig['sasl']>

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

/** What is given apart from the address, which wins where both say something. */
export interface KafkaCredentials {
  readonly mechanism: SaslMechanism
  readonly username: string | undefined
  readonly password: string | undefined
}

/** `kafka://[user:password@]host:port,…` in plain, `kafka+ssl://…` encrypted. */
export function readKafkaAddress(url: string, given: KafkaCredentials): KafkaAddress {
  const [, encrypted, user, password, brokers = ''] =
    /^kafka(\+ssl)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]*)/.exec(url) ?? []
  const username = user === undefined ? given.username : decoded(user)
  const secret = password === undefined ? given.password : decoded(password)
  return {
    brokers: brokers.split(','),
    ...(encrypted === undefined ? {} : { ssl: true }),
    ...saslOf({ ...given, username, password: secret }),
  }
}

function saslOf({ mechanism, username, password }: KafkaCredentials): Pick<KafkaAddress, 'sasl'> {
  if (username === undefined && password === undefined) return {}
  if (username !== undefined && password !== undefined) return { sasl: { mechanism, username, password } as Sasl }
  throw new Failure('settings.invalid', `Kafka is given a ${username === undefined ? 'password' : 'user'} alone`, {
    remedy: 'Set both LATTICE_KAFKA_SASL_USERNAME and LATTICE_KAFKA_SASL_PASSWORD, or neither.',
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
