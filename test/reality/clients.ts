/**
 * What stock clients of the OpenAI API are held against: a really served Lattice before a fake model server.
 *
 * One attempt a run, so that what the fake answers is what the client gets, without waits between; what a run does with
 * more of them is held elsewhere.
 */
import { parallelCalls, toolCallsOf } from '#test/fakes/openai-answers.ts'
import type { ChatBody } from '#test/fakes/openai-answers.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { createWorld } from './served.ts'

export interface ClientsWorld {
  readonly model: FakeOpenAi
  /** Ends in `/v1`. */
  readonly baseUrl: string
  readonly url: string
  /** Another, that may spend less than any call costs. */
  readonly poorBaseUrl: string
  /** The body of the model server's last call. */
  asked(): ChatBody
  close(): Promise<void>
}

export const sentence = 'Grüße aus Köln 🌍'

/** What callers of `baseUrl` name as their key. */
export const clientToken = 'token-of-a-stock-client'

export async function openClientsWorld(): Promise<ClientsWorld> {
  const model = await startFakeOpenAi({ answer: answerLike, models: ['fake-small', 'fake-large'], chunkDelayMs: 0 })
  const env = {
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'key-of-the-clients-test',
    LATTICE_PROVIDER: 'openai',
    LATTICE_AUTH_TOKEN: clientToken,
    LATTICE_MAX_ATTEMPTS: '1',
    LATTICE_LOG_LEVEL: 'warn',
  }
  const world = createWorld(env)
  const poor = createWorld({ ...env, LLM_BUDGET_USD: '0.000001' })
  const close = async (): Promise<void> => {
    world.close()
    poor.close()
    await model.close()
  }
  try {
    const [serving, spent] = await Promise.all([world.serve(), poor.serve()])
    const asked = (): ChatBody => JSON.parse(model.calls.at(-1)?.body ?? '{}')
    return { model, url: serving.url, baseUrl: `${serving.url}/v1`, poorBaseUrl: `${spent.url}/v1`, asked, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Calls tools where there are tools and no result of one yet, gives JSON where JSON is asked for, else a sentence. */
function answerLike(body: ChatBody): string | Record<string, unknown> {
  const answered = body.messages.some(({ role }) => role === 'tool')
  if (Array.isArray(body['tools']) && !answered) return { ...toolCallsOf(parallelCalls, body) }
  const format = body['response_format'] as { type?: string } | undefined
  if (format?.type === 'json_object' || format?.type === 'json_schema') return '{"city":"Köln","degrees":21}'
  return sentence
}
