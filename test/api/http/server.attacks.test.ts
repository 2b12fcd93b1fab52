/** What is sent to be read in two ways, to be echoed, or to get into every text of every route. */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { head, raw } from './raw.ts'
import { serveUnbroken } from './serve-unbroken.ts'
import type { Serving } from './serving.ts'

let server: Serving
serveUnbroken((began) => (server = began))

/** Everything that comes back on one connection that the client leaves open. */
async function exchange(bytes: string | Buffer, { ends = true } = {}): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  // The last answer is known by what it says.
  const ended = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.on('data', () => {
      if (text.includes('"status":"ok"')) resolve()
    })
  })
  socket.write(bytes)
  if (ends) socket.end()
  await ended
  socket.destroy()
  return text
}

describe('a request within a request', () => {
  const inner = 'GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'
  const start = 'POST /v1/tasks HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n'

  test.for([
    ['a length and chunks', `content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`],
    ['chunks that are not the last coding', `transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`],
    ['a coding nobody knows', `transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`],
    ['two codings', `transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n${inner}`],
    ['a length with a sign', `content-length: +5\r\n\r\n${inner}`],
    ['a length in hex', `content-length: 0x5\r\n\r\n${inner}`],
    ['a length below zero', `content-length: -1\r\n\r\n${inner}`],
    ['a list of lengths', `content-length: 0, 0\r\n\r\n${inner}`],
    ['a length that overflows', `content-length: 18446744073709551616\r\n\r\n${inner}`],
    ['a space before the colon', `content-length : 0\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n${inner}`],
    ['a folded header', `x-a: b\r\n transfer-encoding: chunked\r\n\r\n${inner}`],
    ['a chunk size that overflows', `transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n${inner}`],
    ['a chunk size with a sign', `transfer-encoding: chunked\r\n\r\n-1\r\n${inner}`],
    ['a chunk that is longer than it says', `transfer-encoding: chunked\r\n\r\n1\r\n{}${inner}`],
    ['a header ended by a bare return', `x-a: b\rcontent-length: 0\r\n\r\n${inner}`],
    ['a NUL in a header', `x-a: b\0c\r\n\r\n${inner}`],
  ])('%s: is refused, and nothing behind it is answered', async ([, rest]) => {
    const text = await exchange(start + rest)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text).not.toContain('"status":"ok"')
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
  })

  test('what is refused for its body does not lend that body to the next request', async () => {
    const text = await exchange(
      `GET /v1/runs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${inner.length}\r\n\r\n${inner}${inner}`,
    )
    expect(text.match(/HTTP\/1\.1 \d+/g)?.filter((one) => one.endsWith('200')).length ?? 0).toBeLessThanOrEqual(1)
  })

  test.for([
    'CONNECT evil:443 HTTP/1.1',
    'PRI * HTTP/2.0',
    'GET http://evil/v1/nothing HTTP/1.1',
    'OPTIONS * HTTP/1.1',
  ])('%s opens nothing', async (line) => {
    const answer = await raw(server.port, head(line)).catch(() => undefined)
    if (answer !== undefined && answer.status !== 0) expect(answer.status, answer.body).toBeGreaterThanOrEqual(400)
  })

  test('an upgrade is not made', async () => {
    const answer = await raw(
      server.port,
      head('GET /health HTTP/1.1', 'connection: upgrade', 'upgrade: websocket', 'sec-websocket-key: x'),
    )
    expect(answer.status).not.toBe(101)
  })

  test('ten thousand requests in one write are each answered', async () => {
    const many = 10_000
    const bytes = Buffer.from(`${'GET /v1/nothing HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(many)}${inner}`)
    // To Node a client that ends its side has gone.
    const text = await exchange(bytes, { ends: false })
    expect(text.match(/HTTP\/1\.1 404/g)).toHaveLength(many)
  }, 60_000)
})

describe('a trace id', () => {
  const chat = (id: Buffer) =>
    Buffer.concat([
      Buffer.from(
        'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n' +
          'content-length: 63\r\nx-lakehouse-trace-id: ',
      ),
      id,
      Buffer.from('\r\n\r\n{"model":"openai/m","messages":[{"role":"user","content":"p"}]}'.padEnd(4 + 63)),
    ])

  test.for([
    ['Latin-1', Buffer.from([0xe4, 0xff, 0x80, 0x41])],
    ['UTF-8', Buffer.from('käse😀')],
    ['what looks like another header', Buffer.from('a%0d%0aset-cookie: b=c')],
    ['a tab inside', Buffer.from('a\tb')],
    ['15 KB', Buffer.alloc(15_000, 'a')],
    ['markup', Buffer.from('"><script>alert(1)</script>')],
  ] as [string, Buffer][])('of %s is echoed as it came, and adds no header', async ([, id]) => {
    const text = await exchange(chat(id), { ends: false })
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text.slice(0, text.indexOf('\r\n\r\n'))).toContain(`x-lakehouse-trace-id: ${id.toString('latin1')}\r\n`)
    expect(text).not.toMatch(/^set-cookie/im)
  })

  test.for([
    ['a line break', 'a\r\nset-cookie: b=c'],
    ['a bare return', 'a\rset-cookie: b=c'],
    ['a bare line feed', 'a\nset-cookie: b=c'],
    ['a folded line', 'a\r\n set-cookie: b=c'],
    ['a NUL', 'a\0b'],
    ['an escape', 'a\u001b[31mb'],
    ['a delete', 'a\u007fb'],
  ] as const)('with %s brings no header into the answer', async ([, id]) => {
    const text = await exchange(chat(Buffer.from(id, 'latin1')), { ends: false })
    const [first = ''] = text.split('\r\n\r\n')
    expect(first).not.toMatch(/^set-cookie/im)
    expect(first).toMatch(/^HTTP\/1\.1 (200|400) /)
  })
})

describe('every route that takes a body', () => {
  const posts = (): string[] =>
    Object.entries((server.document as unknown as { paths: Record<string, Record<string, unknown>> }).paths)
      .filter(([, methods]) => 'post' in methods)
      .map(([path]) => path.replaceAll(/\{[^}]+\}/g, 'x'))

  test.for([
    ['half a surrogate pair', '"a\\ud800b"'],
    ['the other half', '"\\udfff"'],
    ['a NUL', '"a\\u0000b"'],
  ])('refuses %s in every text, wherever it is', async ([, text]) => {
    expect(posts().length).toBeGreaterThan(8)
    const bodies = [
      text,
      `[${text}]`,
      `{${text}:1}`,
      `{"prompt":${text},"kind":"json","artifact":${text},"sql":${text},"input":${text},"model":${text},"query":${text}}`,
      `{"messages":[{"role":"user","content":${text}}],"model":"openai/m"}`,
      `{"messages":[{"role":"user","content":[{"type":"text","text":${text}}]}],"model":"openai/m"}`,
      `{"context":{"a":[{"b":${text}}]},"tags":{"a":${text}},"validatorOptions":{${text}:1}}`,
      `{"unknown":{"deep":[[[${text}]]]}}`,
    ]
    for (const path of posts())
      for (const body of bodies) {
        const answer = await server.ask(path, { method: 'POST', body })
        expect(answer.status, `${path} ${body}`).toBe(400)
      }
  })

  test('refuses a prototype, and what is called like one is a name like the others', async () => {
    for (const path of posts())
      for (const body of [
        '{"__proto__":{"prompt":"p"}}',
        '{"context":{"__proto__":{"polluted":true}}}',
        '{"tags":{"__proto__":"a"}}',
        '{"messages":[{"__proto__":{"role":"user"}}]}',
      ])
        expect((await server.ask(path, { method: 'POST', body })).status, `${path} ${body}`).toBe(400)
    const named = {
      kind: 'json',
      artifact: { constructor: { prototype: { polluted: true } }, hasOwnProperty: 1, toString: 2, valueOf: 3 },
      context: { constructor: 1, hasOwnProperty: 'x', toJSON: 'x' },
    }
    expect((await server.ask('/v1/validate', { method: 'POST', body: named })).json.passed).toBe(true)
    const tags = { constructor: 'a', hasOwnProperty: 'b', toString: 'c', toJSON: 'e', valueOf: 'f' }
    const task = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p', tags } })
    expect(task.status).toBe(202)
    const { json } = await server.ask(`/v1/runs/${task.json.runId}/events`)
    expect(json.events[0].data.tags).toEqual(tags)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('takes numbers that no number holds for what they are, or refuses them', async () => {
    for (const path of posts())
      for (const number of ['9007199254740993', '1e400', '-1e400', '1e-400', '-0', '9'.repeat(5000), '0.1e+0001']) {
        const names = ['maxTokens', 'max_tokens', 'temperature', 'seed', 'deadlineMs', 'deadline_ms', 'k', 'maxRows']
        for (const name of names) {
          const body = `{"prompt":"p","kind":"json","artifact":"1","sql":"SELECT 1","model":"openai/m","messages":[{"role":"user","content":"p"}],"${name}":${number}}`
          const { status } = await server.ask(path, { method: 'POST', body })
          expect(status, `${path} ${name} ${number.slice(0, 20)}`).toBeLessThan(500)
        }
      }
  }, 60_000)
})

test('a NUL, half a pair and a path out of the folder in an address or a query are refused, or nothing by that name', async () => {
  const paths = Object.entries((server.document as unknown as { paths: Record<string, Record<string, unknown>> }).paths)
    .filter(([, methods]) => 'get' in methods)
    .map(([path]) => path)
  for (const text of [
    'a%00b',
    '%ED%A0%80',
    '..%2f..%2f..%2fetc%2fpasswd',
    '..%5c..%5cboot.ini',
    '%2e%2e%2f',
    '%0d%0ax:y',
  ])
    for (const path of paths) {
      const url = `${path.replaceAll(/\{[^}]+\}/g, text)}?cursor=${text}&q=${text}&store=${text}&at=${text}`
      const answer = await raw(server.port, head(`GET ${url} HTTP/1.1`))
      expect(answer.status, url).toBeLessThan(500)
      expect(answer.body, url).not.toContain('root:')
      expect(answer.head, url).not.toMatch(/^x:y/im)
    }
})

test('requests, each with a key of its own, leave nothing in memory that grows with them', async () => {
  const key = (index: number): Record<string, string> => ({ 'idempotency-key': `key-${index}` })
  const submit = async (from: number, count: number): Promise<void> => {
    for (let index = from; index < from + count; index += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          server.ask('/v1/tasks', {
            method: 'POST',
            body: { prompt: 'p', retrieval: false },
            headers: key(index + at),
          }),
        ),
      )
  }
  await submit(0, 500)
  const before = process.memoryUsage().heapUsed
  await submit(500, 2_000)
  expect((process.memoryUsage().heapUsed - before) / 2_000).toBeLessThan(40_000)
  const again = await server.ask('/v1/tasks', {
    method: 'POST',
    body: { prompt: 'another', retrieval: false },
    headers: key(7),
  })
  expect(again.code).toBe('idempotency.conflict')
}, 120_000)
