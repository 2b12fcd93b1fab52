/**
 * The built-in model `lattice/extract`: an answer made of the best sentences of the retrieved passages, with sources.
 *
 * Promise: a `ModelProvider` like any other, without a network and deterministic: the same request gives the same bytes.
 * `created` is 0 and so is its usage. It claims nothing of its own: every sentence stands in a passage. Without passages it says so, and how to get a model.
 */
import type { ChatMessage, ModelAnswer, ModelProvider, ModelRequest } from '#processors/ports/model-provider.ts'
import { sha256 } from '#schemas/ids.ts'
import { type Sentence, sentencesOf } from './passage-sentences.ts'
import { rankSentences } from './rank-sentences.ts'
import { builtIn } from './route-model.ts'

const url = 'builtin:lattice/extract'
const mostSentences = 5
const mostCharacters = 1200

export function createExtractProvider(): ModelProvider {
  return {
    name: builtIn.provider,
    url,
    defaultModel: builtIn.model,
    async complete(request, { signal, onEvent }) {
      if (signal.aborted)
        return { ok: false, code: 'cancelled', message: `the call to ${url} was cancelled`, raw: '', retryable: false }
      const answer = reply(request)
      if (onEvent !== undefined)
        for (const chunk of chunksOf(answer.content, wantsUsage(request))) onEvent(JSON.stringify(chunk))
      return answer
    },
  }
}

function reply({ messages, passages }: ModelRequest): ModelAnswer {
  const content = passages === undefined ? nothingAttached : extract(questionOf(messages), passages)
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }
  const raw = JSON.stringify({ id: idOf(content), object: 'chat.completion', ...said, choices: [choice], usage })
  return { ok: true, content, raw, finishReason: 'stop', promptTokens: 0, completionTokens: 0 }
}

/** The same answer as a stream: its text, then its end. */
function chunksOf(content: string, withUsage: boolean): readonly object[] {
  const chunk = (delta: object, end: string | null): object => ({
    id: idOf(content),
    object: 'chat.completion.chunk',
    ...said,
    choices: [{ index: 0, delta, finish_reason: end }],
  })
  const told = { id: idOf(content), object: 'chat.completion.chunk', ...said, choices: [], usage }
  return [chunk({ role: 'assistant', content }, null), chunk({}, 'stop'), ...(withUsage ? [told] : [])]
}

function wantsUsage({ parameters }: ModelRequest): boolean {
  const streaming = parameters['stream_options'] as { include_usage?: unknown } | null | undefined
  return streaming?.include_usage === true
}

/** Nothing was generated. */
const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

const said = { created: 0, model: 'lattice/extract' }

function idOf(content: string): string {
  return `chatcmpl-${sha256(content).slice(0, 24)}`
}

/** The answer's text. Exported for what wants an extract without a run. */
export function extract(question: string, passages: NonNullable<ModelRequest['passages']>): string {
  const ranked = rankSentences(question, sentencesOf(passages))
  const chosen: Sentence[] = []
  let size = 0
  for (const sentence of ranked) {
    if (chosen.length === mostSentences) break
    if (chosen.length > 0 && size + sentence.text.length > mostCharacters) continue
    chosen.push(sentence)
    size += sentence.text.length
  }
  return chosen.length === 0 ? nothingFound : withSources(chosen)
}

/** Of a request that looks for no documents, as every chat. */
const nothingAttached =
  'lattice/extract quotes documents, and none are attached to this request: a chat has none, a task that retrieves has. ' +
  'For another answer name a model of a provider: GET /v1/models lists them.'

const nothingFound =
  'Nothing relevant was found in the documents of this folder, and without a model provider there is no other answer.\n\n' +
  'To get one, set GROQ_API_KEY, GEMINI_API_KEY or OPENAI_API_KEY, or start LM Studio or Ollama ' +
  '(LMSTUDIO_BASE_URL, OLLAMA_URL), and ask again. `lattice doctor` shows what is configured and what answers.'

/** In the order of the passages; sentences of one passage together, each group with the number of its source. */
function withSources(chosen: readonly Sentence[]): string {
  const inOrder = chosen.toSorted((a, b) => a.passage - b.passage || a.index - b.index)
  const paths = [...new Set(inOrder.map(({ path }) => path))]
  const groups = Map.groupBy(inOrder, ({ passage }) => passage)
  const paragraphs = [...groups.values()].map((group) => {
    const number = paths.indexOf(group[0]?.path ?? '') + 1
    return `${group.map(({ text }) => text).join(' ')} [${number}]`
  })
  const sources = paths.map((path, index) => `[${index + 1}] ${path}`)
  return `${paragraphs.join('\n\n')}\n\nSources:\n${sources.join('\n')}`
}

/** The text of the user's last message; of a list of parts, the texts. */
function questionOf(messages: readonly ChatMessage[]): string {
  const content = messages.findLast(({ role }) => role === 'user')?.content
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : ''))
  return texts.join(' ').trim()
}
