/** The built-in model: an answer of quotations, or an honest "nothing found". */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createExtractProvider, extract } from '#processors/models/extract.ts'

const readme = `# Lattice

[![CI](https://x.example/badge.svg)](https://x.example)

Lattice runs small-model work and remembers all of it. A producer posts a task over HTTP.

| a | b |
|---|---|
| table | row |

- Retries are jittered and grow from one second.
- It serves **operators** who watch lag.
`
const guide = `Configuration › Keys
The key of Groq stands in GROQ_API_KEY. A placeholder counts as unset.

\`\`\`sh
export GROQ_API_KEY=the code is no sentence of the guide
\`\`\`
`
const passages = [
  { path: 'README.md', text: readme, score: 0.9 },
  { path: 'docs/guide.md', text: guide, score: 0.5 },
]

const provider = createExtractProvider()
const limits = { timeoutMs: 1000, signal: new AbortController().signal }

async function answer(content: unknown, given = passages) {
  return await provider.complete(
    { model: 'extract', messages: [{ role: 'user', content }], parameters: {}, passages: given },
    limits,
  )
}

describe('with passages', () => {
  test('the sentences that answer the question are quoted, with their sources', () => {
    const text = extract('Where does the Groq key go?', passages)
    expect(text).toContain('The key of Groq stands in GROQ_API_KEY.')
    expect(text).toMatch(/\n\nSources:\n(\[\d\] .+\n?)*\[\d\] docs\/guide\.md$/)
  })

  test('a question of no telling words gets the opening of the best passage', () => {
    expect(extract('What does this do, and for whom?', passages)).toMatch(
      /^Lattice runs small-model work and remembers all of it\./,
    )
  })

  test('what looks like a tag is one outside code alone', () => {
    const text = 'The <b>project</b> of traces is set by `OTEL_NAME=<name>` in the environment.'
    expect(extract('Where is the project of traces set?', [{ path: 'a.md', text, score: 1 }])).toContain(
      'The project of traces is set by `OTEL_NAME=<name>` in the environment.',
    )
  })

  test('headings, badges, tables and code are not quoted', () => {
    for (const question of ['table row', 'badge CI', 'code sentence guide export', 'Configuration Keys Lattice']) {
      const text = extract(question, passages)
      expect(text).not.toMatch(/\| table|badge\.svg|the code is no sentence|Configuration ›|# Lattice/)
    }
  })

  test('marks of emphasis are taken off', () => {
    expect(extract('Who are the operators?', passages)).toContain('It serves operators who watch lag.')
  })

  test('what two passages both say is quoted once', () => {
    const twice = [...passages, { path: 'COPY.md', text: readme, score: 0.4 }]
    expect(extract('What is remembered?', twice).match(/remembers all of it/g)).toHaveLength(1)
  })

  test('the answer is as long as an answer, however much there is', () => {
    const text = Array.from(
      { length: 500 },
      (_, index) => `Number ${index} is about retries and waiting for ${index} seconds.`,
    ).join(' ')
    expect(extract('retries', [{ path: 'a.md', text, score: 1 }]).length).toBeLessThan(1600)
  })
})

describe('without anything to quote', () => {
  test('it says that nothing was found and how to get a model', () => {
    for (const none of [[], [{ path: 'a.md', text: '```\ncode\n```', score: 1 }]]) {
      const text = extract('anything', none)
      expect(text).toContain('Nothing relevant was found')
      expect(text).toContain('GROQ_API_KEY')
      expect(text).not.toContain('Sources')
    }
  })
})

describe('without documents, as in a chat', () => {
  const ask = { model: 'extract', messages: [{ role: 'user', content: 'Hello?' }] }

  test('it says that none are attached, not that none were found', async () => {
    const reply = await provider.complete({ ...ask, parameters: {} }, limits)
    if (!reply.ok) throw new Error(reply.message)
    expect(reply.content).toContain('none are attached')
    expect(reply.content).not.toContain('Nothing relevant was found')
    expect(JSON.parse(reply.raw)).toMatchObject({ created: 0, usage: { prompt_tokens: 0, total_tokens: 0 } })
    expect(reply).toMatchObject({ promptTokens: 0, completionTokens: 0 })
  })

  test('a stream tells its usage where that is wanted', async () => {
    for (const include_usage of [true, false]) {
      const events: string[] = []
      const parameters = { stream_options: { include_usage } }
      await provider.complete({ ...ask, parameters }, { ...limits, onEvent: (data) => events.push(data) })
      expect(events.filter((data) => data.includes('"usage"'))).toHaveLength(include_usage ? 1 : 0)
    }
  })
})

describe('as a model', () => {
  test('it answers in the form of a completion', async () => {
    const reply = await answer('Where does the Groq key go?')
    expect(reply).toMatchObject({ ok: true, finishReason: 'stop' })
    const raw = JSON.parse(reply.raw) as { choices: { message: { content: string } }[] }
    expect(raw.choices[0]?.message.content).toBe(reply.ok ? reply.content : '')
  })

  test('a question in parts is understood', async () => {
    const reply = await answer([{ type: 'text', text: 'Where does the Groq key go?' }, null, { type: 'image_url' }])
    expect(reply).toMatchObject({ ok: true, content: expect.stringContaining('GROQ_API_KEY') })
  })

  test('cancelled before it began, it is cancelled', async () => {
    const reply = await provider.complete(
      { model: 'extract', messages: [], parameters: {} },
      { ...limits, signal: AbortSignal.abort() },
    )
    expect(reply).toMatchObject({ ok: false, code: 'cancelled' })
  })

  test('any question and any passages give the same text twice, and each sentence stands in a passage', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.lorem({ mode: 'sentences' }),
      fc.constantFrom('# H\n', '- item one is here\n', '```\n', '| a |\n', '\n\n', '<b>', '[a](b)'),
    )
    const passage = fc.record({
      path: fc.constantFrom('a.md', 'b.md'),
      text: fc.array(piece).map((all) => all.join('')),
      score: fc.double(),
    })
    fc.assert(
      fc.property(fc.string(), fc.array(passage, { maxLength: 5 }), (question, given) => {
        const text = extract(question, given)
        expect(extract(question, given)).toBe(text)
        expect(text.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
    const prose = fc.array(fc.lorem({ mode: 'sentences', maxCount: 4 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.lorem(), prose, (question, texts) => {
        const given = texts.map((text, index) => ({ path: `${index}.md`, text, score: 1 }))
        const quoted =
          extract(question, given)
            .split('\n\nSources:')[0]
            ?.replace(/ \[\d+\](\n\n|$)/g, ' ') ?? ''
        const found = quoted
          .split(/(?<=[.!?]) /)
          .map((one) => one.trim())
          .filter((one) => one !== '')
        if (quoted.startsWith('Nothing relevant')) return
        for (const sentence of found) expect(texts.some((text) => text.includes(sentence))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})
