/**
 * Listeners of a Kafka that ask who is there: TLS alone, SASL alone, and both, beside the plain one.
 *
 * One account, which PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 all know.
 */
import { join } from 'node:path'
import { type Certificates, makeCertificates } from './certificates.ts'
import { freePort } from './ports.ts'

export interface Account {
  readonly user: string
  readonly password: string
}

export interface SecuredListeners {
  /** 127.0.0.1:<port>: encrypted, and anyone may come. */
  readonly tls: string
  /** Asks for the account, in plain. */
  readonly sasl: string
  /** Encrypted, and asks for the account. */
  readonly saslTls: string
  /** A PEM file: what a client is to trust. */
  readonly authority: string
}

export type SecuredPorts = Readonly<Record<'tls' | 'sasl' | 'saslTls', number>>

export interface Secured {
  readonly listeners: SecuredListeners
  /** Broker settings, over those of a broker with a plain listener alone. */
  readonly settings: Readonly<Record<string, string>>
  /** What formatting its storage takes beside: the account, for SCRAM. */
  readonly format: readonly string[]
}

const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const modules = {
  plain: 'org.apache.kafka.common.security.plain.PlainLoginModule',
  scram: 'org.apache.kafka.common.security.scram.ScramLoginModule',
}

/** `plain` are the settings of the broker as it is without them. */
export async function securedListeners(
  account: Account,
  given: {
    readonly plain: Readonly<Record<string, string>>
    readonly dataDir: string
    /** Default: free ones. */
    readonly ports?: SecuredPorts
  },
): Promise<Secured> {
  const { plain, ports } = given
  const certificates = await makeCertificates(join(given.dataDir, 'certificates'))
  const [tls, sasl, saslTls] = [await address(ports?.tls), await address(ports?.sasl), await address(ports?.saslTls)]
  const added = `TLS://${tls},SASL://${sasl},SASL_TLS://${saslTls}`
  const settings = {
    listeners: `${plain['listeners']},${added}`,
    'advertised.listeners': `${plain['advertised.listeners']},${added}`,
    'listener.security.protocol.map': `${plain['listener.security.protocol.map']},TLS:SSL,SASL:SASL_PLAINTEXT,SASL_TLS:SASL_SSL`,
    ...encrypted('tls', certificates),
    ...encrypted('sasl_tls', certificates),
    ...asking('sasl', account),
    ...asking('sasl_tls', account),
  }
  const format = scram.flatMap((name) => [
    '--add-scram',
    `${name}=[name="${account.user}",password="${account.password}"]`,
  ])
  return { listeners: { tls, sasl, saslTls, authority: certificates.authority }, settings, format }
}

function encrypted(listener: string, { both, authority }: Certificates): Record<string, string> {
  const of = (name: string): string => `listener.name.${listener}.ssl.${name}`
  return {
    [of('keystore.type')]: 'PEM',
    [of('keystore.location')]: both,
    [of('truststore.type')]: 'PEM',
    [of('truststore.location')]: authority,
    [of('client.auth')]: 'none',
  }
}

function asking(listener: string, { user, password }: Account): Record<string, string> {
  const of = (name: string): string => `listener.name.${listener}.${name}`
  const plainModule = `${modules.plain} required user_${user}="${password}";`
  return {
    [of('sasl.enabled.mechanisms')]: ['PLAIN', ...scram].join(','),
    [of('plain.sasl.jaas.config')]: plainModule,
    ...Object.fromEntries(
      scram.map((name) => [of(`${name.toLowerCase()}.sasl.jaas.config`), `${modules.scram} required;`]),
    ),
  }
}

async function address(port?: number): Promise<string> {
  return `127.0.0.1:${port ?? (await freePort())}`
}
