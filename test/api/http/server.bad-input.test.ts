/** What a client can send wrong: each a clear 4xx problem, never a 5xx, and the server goes on. */
import { describe, expect, test } from 'vitest'
import { head, raw } from './raw.ts'
import { serveUnbroken } from './serve-unbroken.ts'
import type { Answer, Serving } from './serving.ts'

let server: Serving
serveUnbroken((began) => (server = began))

const json = { 'content-type': 'application/json' }
const post = (body: string | Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
  server.ask('/v1/tasks', { method: 'POST', body, headers })

function deep(levels: number): string {
  return `{"prompt":"p","validatorOptions":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`
}

describe('JSON', () => {
  test.for([
    ['empty', '', 400, 'the body is empty'],
    ['cut off', '{"prompt":', 400, 'not valid JSON'],
    ['two values', '{"prompt":"p"} {"prompt":"q"}', 400, 'not valid JSON'],
    ['a comma too many', '{"prompt":"p",}', 400, 'not valid JSON'],
    ['a string that does not end', '{"prompt":"p', 400, 'not valid JSON'],
    ['no object', '"prompt"', 400, 'must be object'],
    ['null', 'null', 400, 'must be object'],
    ['an array', '[]', 400, 'must be object'],
    ['nested by 100,000', '['.repeat(100_000), 400, 'nested deeper than 64'],
    ['nested by 5,000,000 in a field', deep(5_000_000), 400, 'nested deeper than 64'],
    ['nested by 65', deep(64), 400, 'nested deeper than 64'],
    ['of 16 million values', `[${'1,'.repeat(16_000_000)}1]`, 400, 'more than 200000 values'],
    ['an unknown field', '{"prompt":"p","promt":"q"}', 400, "no field 'promt'"],
    ['10,000 unknown fields', `{"prompt":"p",${manyFields(10_000)}}`, 400, "has no field 'field0', 'field1'"],
    ['10,000 tags', `{"prompt":"p","tags":{${manyFields(10_000)}}}`, 400, 'body/tags'],
    ['__proto__', '{"prompt":"p","__proto__":{"admin":true}}', 400, '__proto__'],
    [
      'an escaped __proto__ deep inside',
      '{"prompt":"p","validatorOptions":{"a":[{"\\u005f_proto__":1}]}}',
      400,
      '__proto__',
    ],
    [
      'constructor.prototype',
      '{"prompt":"p","constructor":{"prototype":{"admin":true}}}',
      400,
      "no field 'constructor'",
    ],
    ['a NUL', '{"prompt":"a\\u0000b"}', 400, 'NUL'],
    ['a NUL in a tag name', '{"prompt":"p","tags":{"a\\u0000b":"c"}}', 400, 'NUL'],
    ['a raw NUL', '{"prompt":"a\0b"}', 400, 'not valid JSON'],
    ['a lone high surrogate', '{"prompt":"a\\ud800b"}', 400, 'surrogate'],
    ['a lone low surrogate', '{"prompt":"a\\udc00"}', 400, 'surrogate'],
    ['a lone surrogate deep inside', '{"prompt":"p","validatorOptions":{"a":["\\ud83d"]}}', 400, 'surrogate'],
    ['a number as prompt', '{"prompt":1}', 400, 'body/prompt must be string'],
    ['no prompt', '{}', 400, "body needs 'prompt'"],
    ['an empty prompt', '{"prompt":""}', 400, 'body/prompt'],
    ['a prompt of spaces', '{"prompt":" \\n\\t"}', 400, 'body/prompt'],
    ['a temperature too high', '{"prompt":"p","temperature":3}', 400, 'body/temperature'],
    ['a text as number', '{"prompt":"p","maxTokens":"7"}', 400, 'body/maxTokens must be integer'],
    ['a fraction', '{"prompt":"p","maxTokens":1.5}', 400, 'body/maxTokens'],
    ['1e999', '{"prompt":"p","temperature":1e999}', 400, 'body/temperature'],
    ['another validator', '{"prompt":"p","validator":"vibes"}', 400, "one of 'answered', 'json'"],
    ['another provider', '{"prompt":"p","provider":"nobody"}', 400, 'there is no provider nobody'],
  ] as const)('%s is refused', async ([, body, status, detail]) => {
    const answer = await post(body)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(answer.code).toBe('request.invalid')
    expect(answer.json.detail).toContain(detail)
    expect(answer.text.length).toBeLessThan(2000)
  })

  test('a body larger than 32 MiB is refused, announced or not', async () => {
    const large = `{"prompt":"${'a'.repeat(33 * 1024 * 1024)}"}`
    const announced = await raw(
      server.port,
      head('POST /v1/tasks HTTP/1.1', 'content-type: application/json', `content-length: ${large.length}`),
    )
    expect(announced).toMatchObject({ status: 413 })
    expect(JSON.parse(announced.body)).toMatchObject({ code: 'request.too-large' })
    const chunked = await fetch(`${server.url}/v1/tasks`, {
      method: 'POST',
      headers: json,
      body: new Blob([large]).stream(),
      duplex: 'half',
    }).then(
      (response) => response.status,
      () => 413,
    )
    expect(chunked).toBe(413)
  })

  test('a body that is not UTF-8 is refused', async () => {
    const body = Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])
    const response = await fetch(`${server.url}/v1/tasks`, { method: 'POST', headers: json, body })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ detail: 'the body is not UTF-8' })
  })

  test('what is unusual and right is taken: emoji, a byte order mark, escapes, nesting, a field called constructor', async () => {
    const right = [
      '{"prompt":"😀 \\ud83d\\ude00 \\u0001"}',
      '\uFEFF{"prompt":"p"}',
      `{"prompt":"${'\\"\\\\'.repeat(1000)}"}`,
      deep(60),
      '{"prompt":"p","tags":{"constructor":"a","toString":"b"}}',
      '{"prompt":"p","prompt":"the last one counts"}',
    ]
    for (const body of right) expect((await post(body)).status).toBe(202)
  })

  test('a prompt of 20 MB is taken, and read back whole', async () => {
    const prompt = `${'All work and no play. '.repeat(950_000)}The end.`
    const accepted = await post({ prompt, retrieval: false })
    expect(accepted.status).toBe(202)
    const { json } = await server.ask(`/v1/runs/${accepted.json.runId}/events`)
    const { sha256, sizeBytes } = json.events[0].data.messages
    expect(sizeBytes).toBeGreaterThan(20e6)
    const object = await server.ask(`/v1/objects/${sha256}`)
    expect(JSON.parse(object.text)[0].content).toBe(prompt)
  })
})

function manyFields(count: number): string {
  return Array.from({ length: count }, (_, index) => `"field${index}":"x"`).join(',')
}

describe('headers', () => {
  test.for([
    ['no type', {}],
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['nonsense', { 'content-type': 'json' }],
  ] as const)('a body with %s as its type is refused', async ([, headers]) => {
    const body = Buffer.from('{"prompt":"p"}')
    const response = await fetch(`${server.url}/v1/tasks`, { method: 'POST', headers, body })
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({ code: 'media-type.unsupported' })
  })

  test('a compressed body is refused', async () => {
    const answer = await post({ prompt: 'p' }, { 'content-encoding': 'gzip' })
    expect(answer).toMatchObject({ status: 415, code: 'media-type.unsupported' })
  })

  test.for(['Idempotency-Key', 'Authorization', 'Content-Type', 'Host', 'Last-Event-ID', 'Origin'])(
    '%s twice is refused',
    async (name) => {
      const answer = await raw(
        server.port,
        `POST /v1/tasks HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${name}: 127.0.0.1\r\n${name}: 127.0.0.1\r\ncontent-length: 0\r\n\r\n`,
      )
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.invalid' })
    },
  )

  test('two lengths are refused, and so are a length and chunks', async () => {
    const body = '{"prompt":"p"}'
    for (const lines of [
      ['content-length: 14', 'content-length: 15'],
      ['content-length: 14', 'transfer-encoding: chunked'],
    ]) {
      const answer = await raw(
        server.port,
        head('POST /v1/tasks HTTP/1.1', 'content-type: application/json', ...lines),
        body,
      )
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.invalid' })
    }
  })

  test.for(['x-large', 'idempotency-key', 'cookie'])('a header %s of 1 MB is refused', async (name) => {
    const answer = await raw(server.port, head('GET /v1/runs HTTP/1.1', `${name}: ${'a'.repeat(1_000_000)}`)).catch(
      () => undefined,
    )
    // The server may hang up before the client has sent everything.
    if (answer === undefined) return
    expect(answer.status).toBe(431)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.headers-too-large' })
  })

  test('too many headers and an address too long are refused', async () => {
    const many = await raw(
      server.port,
      head('GET /v1/runs HTTP/1.1', ...Array.from({ length: 1900 }, (_, index) => `x${index}: ${index}`)),
    )
    expect([200, 431]).toContain(many.status)
    const long = await raw(server.port, head(`GET /v1/runs?cursor=${'a'.repeat(20_000)} HTTP/1.1`))
    expect(long.status).toBe(431)
  })

  test('an Idempotency-Key that is empty or too long is refused', async () => {
    for (const key of ['', 'k'.repeat(256)]) {
      expect(await post({ prompt: 'p' }, { 'idempotency-key': key })).toMatchObject({
        status: 400,
        code: 'request.invalid',
      })
    }
  })

  test('a traceparent that is none is ignored', async () => {
    expect((await post({ prompt: 'p' }, { traceparent: 'x'.repeat(5000) })).status).toBe(202)
  })
})

describe('addresses', () => {
  test.for([
    '/',
    '/v1',
    '/v1/',
    '/v1/task',
    '/v1/runs/',
    '/v1/runs/a/b/c',
    '/v2/runs',
    '/docs/../v1',
    '/V1/runs',
    '/v1//runs',
  ])('there is nothing at %s', async (path) => {
    const answer = await raw(server.port, head(`GET ${path} HTTP/1.1`))
    expect(answer.status, answer.body).toBe(path === '/v1/runs/' ? 400 : 404)
  })

  test.for([
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e',
    '..',
    'a%00b',
    "x'%20OR%201=1--",
    '%F0%9F%98%80',
    '__proto__',
    'constructor',
  ])('there is no run, letter or store %s', async (id) => {
    for (const path of [`/v1/runs/${id}`, `/v1/runs/${id}/events`, `/v1/dead-letters/${id}`, `/v1/stores/${id}/hash`]) {
      const answer = await raw(server.port, head(`GET ${path} HTTP/1.1`))
      expect(answer.status, path).toBe(404)
      expect(JSON.parse(answer.body).code).toMatch(/\.unknown$/)
    }
  })

  test.for(['%zz', '%', '%C3%28', '%ff'])('an address with %s in it is refused', async (id) => {
    const answer = await raw(server.port, head(`GET /v1/runs/${id} HTTP/1.1`))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.invalid' })
  })

  test('an id that is too long is refused', async () => {
    expect(await server.ask(`/v1/runs/${'a'.repeat(200)}`)).toMatchObject({ status: 400, code: 'request.invalid' })
    expect((await raw(server.port, head(`GET /v1/runs/${'a'.repeat(5000)} HTTP/1.1`))).status).toBeGreaterThanOrEqual(
      400,
    )
  })

  test.for([
    'limit=0',
    'limit=201',
    'limit=x',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'limit=0x10',
    'limit=1e2',
    'cursor=nonsense',
    'cursor=',
    'status=asleep',
    'unknown=1',
    '__proto__=1',
    '__proto__[limit]=1',
    'constructor=1',
    'at=',
    'at=x',
    'wait=-1',
    'wait=60001',
    'at=x/y',
    'at=x/runs.v1:0:99999999999999999999',
    `cursor=${Buffer.from('[1,2]').toString('base64url')}`,
    `cursor=${Buffer.from('{}').toString('base64url')}`,
  ])('GET /v1/runs?%s is refused', async (query) => {
    const answer = await server.ask(`/v1/runs?${query}`)
    expect([400, 409]).toContain(answer.status)
    expect(answer.code).toMatch(/^(request\.invalid|position\.invalid|log\.other)$/)
  })

  test('a method an address does not know is refused, with those it knows', async () => {
    for (const [method, path, allow] of [
      ['PUT', '/v1/tasks', 'POST'],
      ['GET', '/v1/tasks', 'POST'],
      ['PATCH', '/v1/runs/x', 'DELETE, GET, HEAD'],
      ['DELETE', '/v1/runs', 'GET, HEAD'],
      ['POST', '/health', 'GET, HEAD'],
      ['OPTIONS', '/v1/runs', 'GET, HEAD'],
      ['TRACE', '/v1/runs', 'GET, HEAD'],
      ['PROPFIND', '/v1/runs', 'GET, HEAD'],
    ] as const) {
      const answer = await raw(server.port, head(`${method} ${path} HTTP/1.1`, 'content-length: 0'))
      expect(answer.status, `${method} ${path}`).toBe(405)
      expect(answer.head.toLowerCase()).toContain(`\r\nallow: ${allow.toLowerCase()}`)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'method.not-allowed' })
    }
  })

  test('a GET with a body is refused', async () => {
    for (const lines of [['content-length: 2'], ['transfer-encoding: chunked']]) {
      const answer = await raw(
        server.port,
        head('GET /v1/runs HTTP/1.1', 'content-type: application/json', ...lines),
        lines[0] === 'content-length: 2' ? '{}' : '2\r\n{}\r\n0\r\n\r\n',
      )
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ detail: 'a GET has no body here' })
    }
  })
})
