/**
 * The brokers of a cluster: who leads which partition, and a connection to each for each purpose.
 *
 * Promises: at most one metadata request and one connection attempt of a kind are under way at a time, however many ask.
 * A broker that went away is asked again, at the addresses the cluster names and at those given at the start. Listeners
 * see every fresh answer about the watched topics before anyone acts on it.
 */
import { type Address, type ConnectionSettings, type Link, LinkBroken, messageOf, openLink } from './connection.ts'
import { type Metadata, type TopicMetadata, metadata } from './requests.ts'

/** Separate, because a broker answers the requests of a connection one after another: a long poll holds up the rest. */
export type Lane = 'write' | 'read' | 'tail' | `group ${number}`

export interface ClusterOptions {
  /** host:port, at least one. */
  readonly brokers: readonly string[]
  readonly connection: ConnectionSettings
  /** Told once when no broker answers any more, with the reason, and once when one does again. */
  readonly onReachable?: (reachable: boolean, reason: string) => void
}

/** No broker, or no leader, could be reached; what it takes is another attempt, later. */
export class Unreachable extends Error {
  /** What a person has to change, where a broker that answered did not let us in. */
  readonly remedy: string | undefined
  constructor(message: string, remedy?: string) {
    super(message)
    this.remedy = remedy
  }
}

export class KafkaCluster {
  readonly #options: ClusterOptions
  readonly #links = new Map<string, Promise<Link>>()
  readonly #nodes = new Map<number, Address>()
  #topics: ReadonlyMap<string, TopicMetadata> = new Map()
  #watched: readonly string[] = []
  #refreshing: Promise<Metadata> | undefined
  #listener: (topics: readonly TopicMetadata[]) => void = () => {}
  #controller: number | undefined
  #reachable = true
  #closed = false

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  /** How many brokers the cluster had when it was last asked. */
  get size(): number {
    return this.#nodes.size
  }

  /** The topics every refresh asks about from now on; `listener` sees each answer. */
  watch(topics: readonly string[], listener: (topics: readonly TopicMetadata[]) => void): void {
    this.#watched = topics
    this.#listener = listener
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** Node id of a partition's leader; undefined while unknown. */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.#topics.get(topic)?.partitions[partition]?.leader
    return leader === undefined || leader < 0 || !this.#nodes.has(leader) ? undefined : leader
  }

  async link(node: number, lane: Lane): Promise<Link> {
    const address = this.#nodes.get(node)
    if (address === undefined) throw new Unreachable(`broker ${node} is not known`)
    return await this.#linkTo(address, `${node}/${lane}`)
  }

  /** The broker that makes topics (or hands the request on to the one that does). */
  async controller(): Promise<Link> {
    if (this.#controller === undefined || !this.#nodes.has(this.#controller)) await this.refresh()
    return await this.link(this.#controller ?? -1, 'read')
  }

  /** Asks any broker that answers for nodes, leaders and topic ids. */
  async refresh(): Promise<Metadata> {
    this.#refreshing ??= this.#askAnyone().finally(() => (this.#refreshing = undefined))
    return await this.#refreshing
  }

  close(): void {
    this.#closed = true
    for (const link of this.#links.values()) {
      link.then(
        (open) => open.destroy(),
        () => {},
      )
    }
    this.#links.clear()
  }

  async #askAnyone(): Promise<Metadata> {
    const known = [...this.#nodes].map(([node, address]) => ({ address, key: `${node}/read` }))
    const given = this.#options.brokers.map((broker) => ({ address: parseBroker(broker), key: `${broker}/read` }))
    const failures: string[] = []
    let remedy: string | undefined
    for (const { address, key } of [...known, ...given]) {
      try {
        const link = await this.#linkTo(address, key)
        const answer = await link.send(metadata(this.#watched))
        this.#tellReachable(true, '')
        return this.#learn(answer)
      } catch (error) {
        if (!(error instanceof LinkBroken) && !(error instanceof Unreachable)) throw error
        failures.push(messageOf(error))
        remedy ??= error.remedy
      }
    }
    const reason = `${remedy === undefined ? 'no broker answers' : 'no broker lets us in'} (${[...new Set(failures)].join('; ')})`
    // Whoever opens the log is told at once, with what to change.
    if (remedy === undefined || this.#nodes.size > 0) this.#tellReachable(false, reason)
    throw new Unreachable(reason, remedy)
  }

  #tellReachable(reachable: boolean, reason: string): void {
    if (reachable !== this.#reachable && !this.#closed) this.#options.onReachable?.(reachable, reason)
    this.#reachable = reachable
  }

  #learn(answer: Metadata): Metadata {
    const moved = answer.nodes.filter(({ id, host, port }) => {
      const before = this.#nodes.get(id)
      return before !== undefined && (before.host !== host || before.port !== port)
    })
    for (const { id } of moved) this.#dropLinks((key) => key.startsWith(`${id}/`))
    this.#nodes.clear()
    for (const { id, host, port } of answer.nodes) this.#nodes.set(id, { host, port })
    this.#dropLinks((key) => key.includes(':'))
    this.#controller = answer.controllerId
    this.#topics = new Map(answer.topics.map((topic) => [topic.name, topic]))
    this.#listener(answer.topics)
    return answer
  }

  /** Connections to the addresses given at the start are only for finding the cluster. */
  #dropLinks(which: (key: string) => boolean): void {
    for (const [key, link] of this.#links) {
      if (!which(key)) continue
      this.#links.delete(key)
      link.then(
        (open) => open.destroy(),
        () => {},
      )
    }
  }

  async #linkTo(address: Address, key: string): Promise<Link> {
    if (this.#closed) throw new Unreachable('the log is closed')
    const known = this.#links.get(key)
    if (known !== undefined) {
      const link = await known
      if (link.alive) return link
      if (this.#links.get(key) === known) this.#links.delete(key)
      return await this.#linkTo(address, key)
    }
    const opening = openLink(address, this.#options.connection)
    this.#links.set(key, opening)
    try {
      const link = await opening
      if (this.#closed) link.destroy()
      return link
    } catch (error) {
      if (this.#links.get(key) === opening) this.#links.delete(key)
      throw error
    }
  }
}

/** `host:port`, `[v6]:port` or `host`, with Kafka's usual port. */
export function parseBroker(broker: string): Address {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(broker.trim()) ?? []
  const host = bracketed ?? plain
  if (host === undefined) throw new Unreachable(`"${broker}" is not a broker's address; write host:port`)
  return { host, port: port === undefined ? 9092 : Number(port) }
}
