/** A secret in a chat (R16): the model gets what was written, and nothing that is kept has it. */
import { expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import { filesIn } from '#test/reality/served.ts'

const known = 'key-of-another-provider-3f81c0'
const pasted = `sk-proj-${'aB3dE5gH7jK9'.repeat(3)}`

test.each([false, true])(
  '[secret.unseen] secrets in a chat reach the model, and no event, signal or file (streamed: %s)',
  async (stream) => {
    await using server = await serving({ env: { GROQ_API_KEY: known }, worker: false })
    server.models.answerWith(({ messages }) => `You said: ${JSON.stringify(messages)}`)
    const messages = [{ role: 'user', content: `Is ${known} or ${pasted} a key? I mean ${known}.` }]
    const answer = await server.ask('/v1/chat/completions', {
      method: 'POST',
      body: { model: 'openai/m', messages, stream },
    })
    expect(JSON.parse(server.models.calls[0]?.body ?? '').messages).toEqual(messages)
    if (!stream) expect(answer.json.choices[0].message.content).toContain(pasted)

    const runId = answer.headers.get('x-request-id') ?? ''
    const { json } = await server.ask(`/v1/runs/${runId}/events`)
    const events: { type: string; data: { redactions?: number; raw?: string } }[] = json.events
    expect(events.at(-1)?.type).toBe('run.completed')
    expect(events[0]?.data.redactions).toBe(3)
    const kept = [JSON.stringify(events), JSON.stringify(server.signals)]
    for (const [, bytes] of filesIn(server.folder)) kept.push(bytes)
    for (const secret of [known, pasted]) expect(kept.filter((text) => text.includes(secret))).toEqual([])
    const { raw } = events.find(({ type }) => type === 'attempt.completed')?.data ?? {}
    for (const secret of [known, pasted]) expect(spelt(raw ?? '')).not.toContain(secret)
    expect(spelt(raw ?? '')).toContain('[redacted:')
  },
)

/** All strings of a recorded answer, one behind the other. */
function spelt(raw: string): string {
  const contents = raw.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)
  return [...contents].map(([, text = '""']) => JSON.parse(text) as string).join('')
}
