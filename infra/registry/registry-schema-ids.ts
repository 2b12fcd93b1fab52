/**
 * Schema ids from a Confluent-compatible registry (Confluent, Apicurio, Redpanda, Karapace).
 *
 * Promises: a subject is BACKWARD_TRANSITIVE before anything is registered under it. An id means one schema for ever:
 * what the registry said is remembered, and a registry that lost its schemas is given them again, in the order of their
 * ids; when it then gives other ids, nothing is read or written with them (`schema.incompatible`). An id once known is
 * not asked for again. Registrations go one after another, so that a new registry gives the same ids each time.
 */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { SchemaIds } from '#processors/ports/schema-ids.ts'
import { type RegistryMemory, type RememberedSchema, openRegistryMemory } from './registry-memory.ts'

export interface RegistryOptions {
  /** With the path of its Confluent API, as in http://127.0.0.1:8391/apis/ccompat/v7; user and password as in any URL. */
  readonly url: string
  /** File that remembers the ids of this log's schemas. Without it a registry is trusted to keep them. */
  readonly remember?: string
  /** How long one answer may take. Default 10,000. */
  readonly timeoutMs?: number
}

const compatibility = COMPATIBILITY.BACKWARD_TRANSITIVE
const HEADERS = { 'content-type': 'application/vnd.schemaregistry.v1+json' } as const
/** One quick second attempt; whoever asks may ask again. */
const RETRY = { retries: 1, initialRetryTimeInSecs: 0.2, maxRetryTimeInSecs: 1, factor: 0.2, multiplier: 2 } as const

export async function openRegistrySchemaIds(options: RegistryOptions): Promise<SchemaIds> {
  return new RegistrySchemaIds(options, await openRegistryMemory(options.remember))
}

class RegistrySchemaIds implements SchemaIds {
  readonly #registry: SchemaRegistry
  readonly #memory: RegistryMemory
  readonly #timeoutMs: number
  /** Without user and password. */
  readonly #url: string
  readonly #authorization: Readonly<Record<string, string>>
  readonly #remember: string | undefined
  readonly #learned = new Map<number, string>()
  #verified = false
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(options: RegistryOptions, memory: RegistryMemory) {
    const { origin, pathname, username, password } = new URL(options.url)
    const auth =
      username === '' ? undefined : { username: decodeURIComponent(username), password: decodeURIComponent(password) }
    this.#url = origin + pathname.replace(/\/+$/, '')
    this.#authorization =
      auth === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` }
    this.#registry = new SchemaRegistry({
      host: this.#url,
      clientId: 'lattice',
      retry: RETRY,
      ...(auth === undefined ? {} : { auth }),
    })
    this.#memory = memory
    this.#timeoutMs = options.timeoutMs ?? 10_000
    this.#remember = options.remember
  }

  idOf(subject: string, schema: string): Promise<number> {
    return this.#inTurn(async () => {
      const known = this.#memory.idOf(subject, schema)
      if (known !== undefined && this.#verified) return known
      await this.#verify()
      if (known !== undefined) return known
      await this.#setCompatibility(subject)
      const id = await this.#register(subject, schema)
      const other = this.#memory.schemaOf(id)
      if (other !== undefined && !sameSchema(other, schema)) throw this.#otherMeaning({ id, subject, schema: other })
      await this.#memory.remember({ id, subject, schema })
      return id
    })
  }

  async schemaOf(id: number): Promise<string | undefined> {
    const known = this.#memory.schemaOf(id) ?? this.#learned.get(id)
    if (known !== undefined) return known
    const schema = await this.#find(id)
    if (schema !== undefined) this.#learned.set(id, schema)
    return schema
  }

  /** One after another, whether the one before succeeded or not. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work, work)
    this.#lastTurn = turn.catch(() => {})
    return turn
  }

  /**
   * Does the registry still mean by each id what this log means by it? Asked of all once a process; and of the last one
   * before each registration, for a registry that was emptied meanwhile would give its id to another schema.
   */
  async #verify(): Promise<void> {
    const last = this.#memory.all.at(-1)
    if (this.#verified && (last === undefined || (await this.#find(last.id)) !== undefined)) return
    this.#verified = false
    const missing: RememberedSchema[] = []
    for (const remembered of this.#memory.all) {
      const found = await this.#find(remembered.id)
      if (found === undefined) missing.push(remembered)
      else if (!sameSchema(found, remembered.schema)) throw this.#otherMeaning(remembered)
    }
    for (const remembered of missing) {
      await this.#setCompatibility(remembered.subject)
      const id = await this.#register(remembered.subject, remembered.schema)
      if (id !== remembered.id) throw this.#otherMeaning(remembered)
    }
    this.#verified = true
  }

  async #register(subject: string, schema: string): Promise<number> {
    try {
      const registering = this.#registry.register({ type: SchemaType.AVRO, schema }, { subject, compatibility })
      return (await this.#inTime(registering)).id
    } catch (error) {
      if (isFailure(error)) throw error
      const status = statusOf(error)
      if (status === 409 || status === 422 || status === undefined) {
        throw new Failure('schema.incompatible', `the registry refuses the schema of ${subject}: ${messageOf(error)}`, {
          remedy: `Only changes that can read all earlier versions are taken (${compatibility}).`,
          cause: error,
        })
      }
      throw this.#unavailable(error)
    }
  }

  async #setCompatibility(subject: string): Promise<void> {
    const path = `/config/${encodeURIComponent(subject)}`
    const now = await this.#ask('GET', path)
    if (now.status === 200 && (now.body as { compatibilityLevel?: string }).compatibilityLevel === compatibility) return
    const set = await this.#ask('PUT', path, { compatibility })
    if (set.status !== 200) throw this.#unavailable(`it does not set the compatibility of ${subject} (${set.status})`)
  }

  async #find(id: number): Promise<string | undefined> {
    const { status, body } = await this.#ask('GET', `/schemas/ids/${id}`)
    if (status === 404) return undefined
    const { schema } = body as { readonly schema?: unknown }
    if (status !== 200 || typeof schema !== 'string')
      throw this.#unavailable(`it answers ${status} when asked for schema ${id}`)
    return schema
  }

  async #ask(
    method: string,
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    try {
      const answer = await fetch(this.#url + path, {
        method,
        headers: { ...HEADERS, ...this.#authorization },
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (answer.status >= 500 || answer.status === 401 || answer.status === 403)
        throw new Error(`it answers ${answer.status}`)
      return { status: answer.status, body: await answer.json() }
    } catch (error) {
      throw this.#unavailable(error)
    }
  }

  /** kafkajs' client has no limit of its own. */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(this.#timeoutMs)
    return await new Promise<T>((resolve, reject) => {
      const tooLate = () => reject(this.#unavailable(`no answer in ${this.#timeoutMs} ms`))
      late.addEventListener('abort', tooLate, { once: true })
      work.then(resolve, reject).finally(() => late.removeEventListener('abort', tooLate))
    })
  }

  #unavailable(cause: unknown): Failure {
    return new Failure(
      'schema.unavailable',
      `the schema registry at ${this.#url} cannot be used: ${messageOf(cause)}`,
      {
        remedy: 'Check that it runs and that LATTICE_SCHEMA_REGISTRY is right; then try again.',
        cause,
      },
    )
  }

  #otherMeaning({ id, subject }: RememberedSchema): Failure {
    const remembered = this.#remember === undefined ? '' : `; ${this.#remember} remembers them`
    return new Failure(
      'schema.incompatible',
      `the registry at ${this.#url} means another schema by id ${id} than this log (${subject})`,
      {
        remedy: `Give the registry back its schemas under their ids${remembered}.`,
      },
    )
  }
}

/** A registry may write a schema's JSON in its own way. */
function sameSchema(one: string, other: string): boolean {
  return one === other || JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other))
}

/** HTTP status of an answer; undefined for an error of the schema itself. The client reports a lost connection as 400. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined
  return typeof error.status === 'number' ? error.status : undefined
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message
}
