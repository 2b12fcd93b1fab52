/** Reads a run's server-sent events as a browser would: `id`, `event` and `data` of each, until the stream ends. */
export interface Followed {
  readonly id: string
  readonly event: string
  readonly data: ReturnType<typeof JSON.parse>
}

export interface Following {
  readonly status: number
  readonly headers: Headers
  readonly events: AsyncIterable<Followed>
  leave(): void
}

export async function follow(url: string, options: { readonly lastEventId?: string } = {}): Promise<Following> {
  const gone = new AbortController()
  const response = await fetch(url, {
    signal: gone.signal,
    headers: {
      accept: 'text/event-stream',
      ...(options.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId }),
    },
  })
  return { status: response.status, headers: response.headers, events: eventsOf(response), leave: () => gone.abort() }
}

async function* eventsOf({ body }: Response): AsyncGenerator<Followed> {
  let rest = ''
  for await (const chunk of (body ?? new Blob([]).stream()).pipeThrough(new TextDecoderStream())) {
    rest += chunk
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      if (fields['data'] === undefined) continue
      yield { id: fields['id'] ?? '', event: fields['event'] ?? '', data: JSON.parse(fields['data']) }
    }
  }
}
