/** Secrets are found however they are written, ordinary text is left alone, and hostile text costs no more than its length. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRedactor } from '#processors/journal/redact.ts'
import { anyEvent } from '#test/schemas/any-event.ts'

const forms = createRedactor([])

/** Made here piece by piece, so that no scanner takes this file for a leak. */
const join = (...parts: readonly string[]) => parts.join('')
const letters = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0iL'
const pem = (kind: string) =>
  join(
    '-----BEGIN ',
    kind,
    'PRIVATE KEY-----\n',
    `${letters}${letters}\n`.repeat(3),
    '-----END ',
    kind,
    'PRIVATE KEY-----',
  )

const known: readonly [string, string][] = [
  ['openai', join('sk-', letters)],
  ['openai', join('sk-', 'proj-', letters, '_', letters, '-x')],
  ['openai', join('sk-', 'or-v1-', letters)],
  ['anthropic', join('sk-', 'ant-api03-', letters, '-', letters)],
  ['groq', join('gsk', '_', letters, letters)],
  ['google', join('AI', 'za', letters, 'abc')],
  ['github', join('gh', 'p_', letters, 'abcd')],
  ['github', join('github', '_pat_', letters, '_', letters)],
  ['aws', join('AK', 'IA', 'IOSFODNN7EXAMPLE')],
  ['slack', join('xo', 'xb-123456789012-', letters)],
  ['jwt', join('ey', 'J', letters, '.ey', 'J', letters, '.', letters)],
  ['private-key', pem('')],
  ['private-key', pem('RSA ')],
  ['private-key', pem('OPENSSH ')],
]

describe('known forms', () => {
  test.for(known)('%s is found in prose, in JSON, in code and in a line of its own', ([form, secret]) => {
    const marker = `[redacted:${form}]`
    expect(forms.redact(`use ${secret}, please`)).toEqual({ text: `use ${marker}, please`, redactions: 1 })
    expect(forms.redact(`KEY="${secret}"`).text).toBe(`KEY="${marker}"`)
    expect(forms.redact(`first\n${secret}\nlast`).text).toBe(`first\n${marker}\nlast`)
    const messages = JSON.stringify([{ role: 'user', content: `here:\n${secret}\nthanks` }])
    expect(JSON.parse(forms.redact(messages).text)).toEqual([{ role: 'user', content: `here:\n${marker}\nthanks` }])
    const nested = JSON.stringify({ raw: messages })
    expect(forms.redact(nested).text).not.toContain(letters)
    expect(JSON.parse((JSON.parse(forms.redact(nested).text) as { raw: string }).raw)).toBeInstanceOf(Array)
  })

  test.for<[string, string, string]>([
    ['a bearer token', join('Bearer ', letters), 'Bearer [redacted:bearer]'],
    ['an authorization header', 'Authorization: Bearer my-own-token', 'Authorization: Bearer [redacted:bearer]'],
    ['a header in JSON', '{"authorization":"bearer abcd"}', '{"authorization":"bearer [redacted:bearer]"}'],
    ['a basic header', 'authorization: Basic dXNlcjpwYXNz', 'authorization: Basic [redacted:basic]'],
    ['a password in a URL', 'redis://:hunter2@host:6379/0', 'redis://:[redacted:password]@host:6379/0'],
    ['a user and password', 'https://me:p%40ss@host/x', 'https://me:[redacted:password]@host/x'],
    ['an escaped URL', String.raw`https:\/\/me:pw@host`, String.raw`https:\/\/me:[redacted:password]@host`],
  ])('%s loses the secret and keeps the rest', ([, text, redacted]) => {
    expect(forms.redact(text)).toEqual({ text: redacted, redactions: 1 })
  })

  test('an AWS secret is found by its name and beside its id', () => {
    const secret = join('wJalrXUtnFEMI/K7MDENG/', 'bPxRfiCYEXAMPLEKEY')
    const id = join('AK', 'IA', 'IOSFODNN7EXAMPLE')
    expect(forms.redact(`aws_secret_access_key = ${secret}`).text).toBe('aws_secret_access_key = [redacted:aws]')
    expect(forms.redact(`{"secretAccessKey":"${secret}"}`).text).toBe('{"secretAccessKey":"[redacted:aws]"}')
    expect(forms.redact(`${id} ${secret}`)).toEqual({ text: '[redacted:aws] [redacted:aws]', redactions: 2 })
    const nested = forms.redact(`{"a":{"id":"${id}"},"k":"${secret}"}`).text
    expect(JSON.parse(nested)).toEqual({ a: { id: '[redacted:aws]' }, k: '[redacted:aws]' })
  })

  test('a private key without its end is found, its mere mention is not', () => {
    const cut = pem('').slice(0, 120)
    expect(forms.redact(cut).text).toBe('[redacted:private-key]')
    expect(forms.redact(JSON.stringify(cut)).text).toBe('"[redacted:private-key]"')
    const mention = join('it starts with -----BEGIN ', 'PRIVATE KEY----- and then "lines"')
    expect(forms.redact(mention).redactions).toBe(0)
  })

  test('a key that begins in one message and ends in another leaves both messages', () => {
    const [begin, end] = [join('-----BEGIN ', 'PRIVATE KEY-----'), join('-----END ', 'PRIVATE KEY-----')] as const
    const messages = JSON.stringify([{ content: `${begin}\n${letters}` }, { content: end }])
    expect(JSON.parse(forms.redact(messages).text)).toEqual([{ content: '[redacted:private-key]' }, { content: end }])
  })

  test('a key hidden behind JSON escapes is found', () => {
    const text = String.raw`{"prompt":"my key is \u0073k-proj-${letters}"}`
    expect(forms.redact(text)).toEqual({ text: '{"prompt":"my key is [redacted:openai]"}', redactions: 1 })
    const beside = `${text} and ${join('gsk', '_', letters)}`
    expect(forms.redact(beside).text).toBe('{"prompt":"my key is [redacted:openai]"} and [redacted:groq]')
    const nested = JSON.stringify({ raw: text, quote: '\u0022\u005c' })
    expect(JSON.parse(forms.redact(nested).text)).toEqual({
      raw: '{"prompt":"my key is [redacted:openai]"}',
      quote: '"\\',
    })
  })
})

describe('secrets given by value', () => {
  const secret = 'pa"ss/wörd +42\\'
  const redactor = createRedactor([secret, 'short', 'redacted', ''])
  const around = (written: string) => redactor.redact(`before ${written} after`).text

  test.for<[string, string]>([
    ['as it is', secret],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    [
      'in JSON of ASCII alone',
      JSON.stringify(secret)
        .slice(1, -1)
        .replace('ö', String.raw`\u00f6`),
    ],
    ['percent-encoded', encodeURIComponent(secret)],
    ['percent-encoded in lower case', encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase())],
    ['in base64', Buffer.from(secret).toString('base64').replaceAll('=', '')],
    ['in base64url', Buffer.from(secret).toString('base64url')],
  ])('%s', ([, written]) => {
    expect(around(written)).toBe('before [redacted:secret] after')
  })

  test.for<[string, string]>([
    [
      'percent-encoded as RFC 3986 has it',
      '%6Bey%21%28%27%2Fe%CC%81%2F%2A%29%20-42'.replace('%6B', 'k').replace('e%CC%81', '%C3%A9'),
    ],
    ['as a form has it', 'key%21%28%27%2F%C3%A9%2F%2A%29+-42'],
    [
      'with every byte percent-encoded',
      [...Buffer.from("key!('/é/*) -42")].map((byte) => `%${byte.toString(16)}`).join(''),
    ],
    ['in JSON in JSON with its slashes escaped', String.raw`key!('\\/é\\/*) -42`.replaceAll('\\\\', '\\\\')],
    ['in JSON of ASCII in upper case', String.raw`key!('/\u00E9/*) -42`],
    ['in JSON in JSON of ASCII in upper case', String.raw`key!('/\\u00E9/*) -42`],
  ])('of odd letters, %s', ([, written]) => {
    const odd = createRedactor(["key!('/é/*) -42"])
    expect(odd.redact(`before ${written} after`).text).toBe('before [redacted:secret] after')
  })

  test('inside base64 at every alignment nothing of it is left but its edges', () => {
    for (const user of ['', 'a', 'ab', 'abc', 'someone:']) {
      for (const encoding of ['base64', 'base64url'] as const) {
        const redacted = redactor.redact(Buffer.from(`${user}${secret}:more`).toString(encoding)).text
        const left = Buffer.from(redacted.replace('[redacted:secret]', ''), 'base64').toString()
        expect(redacted).toContain('[redacted:secret]')
        expect(left).not.toContain(secret.slice(1, 6))
      }
    }
  })

  test('one of fewer than 8 characters is too short to be told from text', () => {
    expect(createRedactor(['sesame']).redact('open sesame').redactions).toBe(0)
  })

  test('a secret that a marker holds does not unravel the markers', () => {
    const twice = redactor.redact(redactor.redact(`redacted ${secret}`).text)
    expect(twice).toEqual({ text: '[redacted:secret] [redacted:secret]', redactions: 0 })
  })

  test('of a secret inside another the longer is replaced', () => {
    expect(createRedactor(['abcdefgh', 'abcdefghijkl']).redact('abcdefghijkl').text).toBe('[redacted:secret]')
  })

  test('any secret in any text is gone, and JSON stays JSON', () => {
    const secrets = fc.string({ unit: 'binary', minLength: 8, maxLength: 40 }).map((text) => text.toWellFormed())
    fc.assert(
      fc.property(secrets, fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (secret, before, after) => {
        const redactor = createRedactor([secret])
        const prompt = `${before}${secret}${after}`
        expect(redactor.redact(prompt).text).not.toContain(secret)
        const json = redactor.redact(JSON.stringify({ prompt }))
        expect((JSON.parse(json.text) as { prompt: string }).prompt).not.toContain(secret)
        expect(json.redactions).toBeGreaterThan(0)
      }),
    )
  })
})

describe('what is no secret', () => {
  test.for([
    'risk-assessment-of-the-whole-department and task-management-for-beginners',
    'sk-learn-based-classification-method, sk-test-or-blank, sk-xxxxx-or-blank',
    'ask-me-anything-about-this disk-usage-of-the-machine',
    '0198c2f4-7b1e-8c3d-9a2b-1c2d3e4f5a6b',
    'd6a770b7f2ac1d84f1c2a5e9ab10cc4bd6a770b7f2ac1d84f1c2a5e9ab10cc4b',
    'the bearer of this letter; Bearer authentication is described in RFC 6750',
    'Basic understanding of basic-authentication-schemes',
    'http://localhost:8300/v1/runs?at=log/runs.v1:0:7 mailto:me@example.org git@github.com:me/it.git',
    'eyJhbGciOiJIUzI1NiJ9 is only a header',
    'the key AKIA is a prefix, xoxo-with-love-and-kisses-from-me',
    'const secretKey = await loadSecretAccessKeyFromTheVault()',
    '[redacted:openai] and [redacted:secret]',
  ])('%s', (text) => {
    expect(forms.redact(text)).toEqual({ text, redactions: 0 })
  })

  test('words, hashes and ids in any mixture stay as they are', () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/)
    const part = fc.oneof(word, fc.uuid(), fc.stringMatching(/^[0-9a-f]{64}$/), fc.constantFrom('risk', 'basic', '\n'))
    fc.assert(
      fc.property(fc.array(fc.tuple(part, fc.constantFrom(' ', '-', '_', '.', '/', ': ', '="'))), (parts) => {
        const text = parts.flat().join('')
        expect(forms.redact(text)).toEqual({ text, redactions: 0 })
      }),
      { numRuns: 2000 },
    )
  })
})

const hints = [
  'sk-',
  'proj-',
  'ant-',
  'gsk_',
  'ghp_',
  'github_pat_',
  'AIza',
  'AKIA',
  'xoxb-',
  'eyJ',
  '.eyJ',
  'Bearer ',
  'authorization: basic ',
]
const marks = [
  '://',
  ':',
  '@',
  '-----',
  '-----BEGIN PRIVATE KEY-----',
  '-----END PRIVATE KEY-----',
  '\\n',
  '\n',
  '"',
  ' ',
  '[redacted:',
  ']',
  '\\u0041',
]
const broth = fc.array(
  fc.oneof(
    fc.constantFrom(...hints, ...marks, 'hunter2hunter2', letters, letters.toUpperCase()),
    fc.string({ maxLength: 30 }),
  ),
)

test('redacting twice is redacting once', () => {
  const redactor = createRedactor(['hunter2hunter2', letters.slice(0, 12)])
  fc.assert(
    fc.property(broth, (parts) => {
      const { text } = redactor.redact(parts.join(''))
      expect(redactor.redact(text)).toEqual({ text, redactions: 0 })
    }),
    { numRuns: 5000 },
  )
})

test('JSON stays JSON of the same shape', () => {
  const redactor = createRedactor(['hunter2hunter2'])
  fc.assert(
    fc.property(fc.array(broth.map((parts) => parts.join(''))), (texts) => {
      const redacted = JSON.parse(
        redactor.redact(JSON.stringify(texts.map((content) => ({ content })))).text,
      ) as object[]
      expect(redacted.map((message) => Object.keys(message))).toEqual(texts.map(() => ['content']))
    }),
    { numRuns: 2000 },
  )
})

describe('data', () => {
  test('without a secret it is the very same data', () => {
    fc.assert(
      fc.property(anyEvent, ({ data }) => {
        const redacted = forms.redactData(data)
        if (redacted.redactions === 0) expect(redacted.data).toBe(data)
      }),
    )
  })

  test('strings are redacted at any depth, keys too, bytes and the rest are left', () => {
    const key = join('gsk', '_', letters)
    const value = Uint8Array.of(1, 2)
    const data = { a: [{ b: key, n: 1, t: true, none: null }], [key]: 'x', tags: { q: `say ${key}` }, value }
    expect(forms.redactData(data)).toEqual({
      data: {
        a: [{ b: '[redacted:groq]', n: 1, t: true, none: null }],
        '[redacted:groq]': 'x',
        tags: { q: 'say [redacted:groq]' },
        value,
      },
      redactions: 3,
    })
    expect(data.a[0]?.b).toBe(key)
  })
})

describe('hostile text takes linear time', () => {
  const redactor = createRedactor(['hunter2hunter2', 'aaaaaaaaaaab', letters])
  const fill = (unit: string) => unit.repeat(Math.ceil(4_000_000 / unit.length))
  const hostile: readonly [string, () => string][] = [
    ['one letter', () => fill('a')],
    ['a key without end', () => `sk-${fill('a')}`],
    ['key prefixes', () => fill('sk-')],
    ['token beginnings', () => fill('eyJ')],
    ['token beginnings behind dashes', () => fill('-eyJaaaaaaaa')],
    ['token beginnings behind dots', () => fill('.eyJaaaaaaaa')],
    ['key beginnings', () => fill('-----BEGIN PRIVATE KEY-----')],
    ['a key body without end', () => `-----BEGIN PRIVATE KEY-----${fill('Aa1+')}`],
    ['dashes', () => fill('-')],
    ['addresses', () => fill('://a:')],
    ['an address without end', () => `://a:${fill('b')}`],
    ['bearers', () => fill('Bearer ')],
    ['authorizations', () => fill('authorization: bearer ')],
    ['ids of AWS', () => fill('AKIAIOSFODNN7EXAMPLE a ')],
    ['JSON escapes', () => `["${fill(String.raw`\u0073k-`)}"]`],
    ['brackets', () => `${fill('[')}\\u0041`],
    ['spaces', () => fill(' ')],
    ['markers', () => fill('[redacted:')],
    ['quotes', () => fill('secret_key="')],
  ]

  test.for(hostile)('%s', ([, make]) => {
    const text = make()
    const began = performance.now()
    redactor.redact(text)
    expect(performance.now() - began).toBeLessThan(3000)
  })

  test('a key body of 20 MB without end', () => {
    expect(redactor.redact(`-----BEGIN PRIVATE KEY-----${'Aa1+'.repeat(5_000_000)}`).redactions).toBe(1)
  })

  test('all of them in one text of 20 MB', () => {
    const share = 20_000_000 / hostile.length
    const text = hostile.map(([, make]) => make().slice(0, share)).join('\n')
    const began = performance.now()
    const redacted = redactor.redact(text).text
    expect(performance.now() - began).toBeLessThan(8000)
    expect(redacted.includes('AKIAIOSFODNN7EXAMPLE')).toBe(false)
  })
})
