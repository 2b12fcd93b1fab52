/** What a call costs, and the most it may cost. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { providers } from '#infra/openai/providers.ts'
import { fits } from '#processors/budgets/glob.ts'
import { costOf, openPrices, usd } from '#processors/budgets/prices.ts'
import { quote } from '#processors/budgets/quote.ts'

const isLocal = (name: string): boolean => name === 'ollama'
const prices = openPrices({ rules: [], isLocal })

describe('a price', () => {
  test('is found by provider and model, and local ones are free', () => {
    expect(prices.of('groq', 'openai/gpt-oss-20b')).toMatchObject({ input: 0.075, output: 0.3 })
    expect(prices.of('ollama', 'anything')).toMatchObject({ input: 0, output: 0 })
    expect(prices.of('groq', 'never-heard-of')).toBeUndefined()
  })

  test('of the configuration goes before the table, the first that fits before the later ones', () => {
    const own = openPrices({
      rules: [
        { pattern: 'groq/openai/gpt-oss-20b', input: 9, output: 9 },
        { pattern: 'groq/*', input: 1, output: 2 },
        { pattern: 'ollama/big', input: 3, output: 3 },
      ],
      isLocal,
    })
    expect(own.of('groq', 'openai/gpt-oss-20b')?.input).toBe(9)
    expect(own.of('groq', 'openai/gpt-oss-120b')?.input).toBe(1)
    expect(own.of('ollama', 'big')?.input).toBe(3)
    expect(own.of('ollama', 'small')?.input).toBe(0)
  })
})

describe('a cost', () => {
  test('is in whole micro-dollars, rounded up once over input and output', () => {
    expect(costOf({ input: 0.075, output: 0.3 }, 1_000_000, 1_000_000)).toBe(375_000)
    expect(costOf({ input: 0.075, output: 0.3 }, 1, 0)).toBe(1)
    expect(costOf({ input: 0.5, output: 0.5 }, 1, 1)).toBe(1)
    expect(costOf({ input: 0.1, output: 0.2 }, 10, 10)).toBe(3)
    expect(costOf({ input: 0, output: 0 }, 10, 10)).toBe(0)
  })

  test('never shows less than was spent, and at most a micro-dollar more', () => {
    const cents = fc.integer({ min: 0, max: 100_000 })
    const tokens = fc.integer({ min: 0, max: 10_000_000 })
    fc.assert(
      fc.property(cents, cents, tokens, tokens, (input, output, prompt, completion) => {
        const exact = BigInt(input) * BigInt(prompt) + BigInt(output) * BigInt(completion)
        const cost = BigInt(costOf({ input: input / 100, output: output / 100 }, prompt, completion)) * 100n
        expect(cost >= exact && cost - exact < 100n).toBe(true)
      }),
    )
  })

  test.for([
    [1_250_000, '1.25'],
    [75, '0.000075'],
    [0, '0.00'],
    [10_000_000, '10.00'],
    [-1, '-0.000001'],
  ] as const)('%i micro-dollars are %s', ([micro, text]) => {
    expect(usd(micro)).toBe(text)
  })
})

describe('what a cache gave', () => {
  const price = { input: 1, output: 2, cachedInput: 0.1, cacheWrite: 1.25 }
  test('costs what the price says of it, and is a part of the prompt', () => {
    expect(costOf(price, 1000, 10, { read: 600, written: 0 })).toBe(400 + 60 + 20)
    expect(costOf(price, 1000, 10, { read: 600, written: 400 })).toBe(60 + 500 + 20)
  })

  test('costs as much as the other input where the price says nothing of it', () => {
    expect(costOf({ input: 1, output: 2 }, 1000, 10, { read: 600, written: 400 })).toBe(1020)
  })

  test('is never more than the prompt, whatever a server tells', () => {
    expect(costOf(price, 10, 0, { read: 1e9, written: 1e9 })).toBe(1)
    expect(costOf(price, 10, 0, { read: 0, written: 1e9 })).toBe(13)
  })
})

test('every default model of a hosted provider has a price, but where the provider names none', () => {
  const hosted = Object.entries(providers).filter(([, { local }]) => !local)
  const without = hosted.filter(([name, { defaultModel }]) => prices.of(name, defaultModel)?.maxOutput === undefined)
  expect(without.map(([name]) => name)).toEqual(['ollama_cloud'])
})

describe('a quote', () => {
  const price = { input: 1, output: 1, maxOutput: 100 }
  const call = { provider: 'p', model: 'm', messages: '[{"role":"user","content":"hi"}]', parameters: '{}' }
  const most = (given: Partial<typeof call>, of = price): number => {
    const quoted = quote({ ...call, ...given }, of)
    return quoted.is === 'priced' ? quoted.microUsd : -1
  }

  test('holds a token for each byte of the prompt, and the longest answer', () => {
    expect(most({})).toBe(call.messages.length + 2 + 100)
    expect(most({ messages: '"ж"' })).toBe(4 + 2 + 100)
  })

  test('takes the caller’s limit before the table’s, as often as there are answers', () => {
    const parameters = '{"max_tokens":7,"n":3}'
    expect(most({ parameters })).toBe(call.messages.length + parameters.length + 21)
    expect(most({ parameters: '{"max_completion_tokens":7}' })).toBe(call.messages.length + 27 + 7)
  })

  test('counts an image as such, not its bytes', () => {
    const image = (data: string): string =>
      JSON.stringify([
        { role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }] },
      ])
    expect(most({ messages: image('A'.repeat(1_000_000)) })).toBe(most({ messages: image('A') }))
    expect(most({ messages: image('A') })).toBeGreaterThan(6000)
  })

  test('counts a text that looks like an image, beside one, as the text it is', () => {
    const beside = (text: string): string =>
      JSON.stringify([
        {
          role: 'user',
          content: [
            { type: 'text', text },
            { type: 'image_url', image_url: { url: 'x' } },
          ],
        },
      ])
    for (const text of ['data:', 'A'])
      expect(most({ messages: beside(text.repeat(100_000)) })).toBeGreaterThan(100_000 * text.length)
  })

  test('takes the larger of two limits, and every form of several answers', () => {
    const parameters = '{"max_completion_tokens":1,"max_tokens":50000}'
    expect(most({ parameters })).toBeGreaterThan(50_000)
    for (const several of ['{"n":"5"}', '{"best_of":5}']) expect(most({ parameters: several })).toBeGreaterThan(500)
  })

  test('of a limit nobody can reach is still a whole number that sums', () => {
    for (const limit of [1e18, 1e300, Number.MAX_VALUE]) {
      const microUsd = most({ parameters: JSON.stringify({ max_tokens: limit, n: 1e300 }) }, { ...price, input: 1e6 })
      expect(Number.isSafeInteger(microUsd * 100)).toBe(true)
    }
  })

  test('that is none says which lines lattice.toml lacks', () => {
    const unknown = quote({ ...call, model: 'a "b"' }, undefined)
    expect(unknown.is === 'unpriced' && unknown.lines).toBe(
      [
        '[prices."p/a \\"b\\""]',
        'input = <US dollars a million tokens>',
        'output = <US dollars a million tokens>',
        'max_output = <tokens of the longest answer>',
      ].join('\n'),
    )
    const endless = quote(call, { input: 0.5, output: 1 })
    expect(endless.is === 'unpriced' && endless.lines).toContain('input = 0.5\noutput = 1\nmax_output = ')
  })

  test('is none without a price, or without a limit to the answer', () => {
    expect(quote(call, undefined)).toMatchObject({ is: 'unpriced' })
    expect(quote(call, { input: 1, output: 1 })).toMatchObject({ is: 'unpriced' })
    expect(quote(call, { input: 0, output: 0 })).toEqual({ is: 'free' })
  })
})

test('a pattern fits what a regular expression of it would', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 8 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 })
  fc.assert(
    fc.property(letters, text, (pattern, given) => {
      expect(fits(pattern, given)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(given))
    }),
    { numRuns: 2000 },
  )
})
