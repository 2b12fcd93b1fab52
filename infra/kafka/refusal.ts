/**
 * What to change where a broker does not let us in: the address, the user, the trust. Undefined where time may help.
 *
 * Promise: says nothing of the password.
 */
import { tlsRemedy } from '#infra/tls/tls-trouble.ts'
import type { KafkaConfig } from 'kafkajs'

interface Asking {
  readonly ssl?: KafkaConfig['ssl']
  /** The broker's name for its error, where it answered with one. */
  readonly type: string | undefined
}

/** `error` is what connecting failed with; `asking` how we came. */
export function refusalOf(error: unknown, asking: Asking): string | undefined {
  const { type } = asking
  if (type === 'UNSUPPORTED_SASL_MECHANISM' || /mechanism is not supported/.test(textOf(error))) {
    return 'Set LATTICE_KAFKA_SASL_MECHANISM to one that this listener takes.'
  }
  if (type === 'ILLEGAL_SASL_STATE') {
    return 'That listener asks for no user: leave user and password out, or name the port that does.'
  }
  if (error instanceof Error && error.name === 'KafkaJSSASLAuthenticationError') {
    return 'Check LATTICE_KAFKA_SASL_USERNAME, LATTICE_KAFKA_SASL_PASSWORD and LATTICE_KAFKA_SASL_MECHANISM, or the user in LATTICE_LOG.'
  }
  return asking.ssl === undefined ? undefined : tlsRemedy(error)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
