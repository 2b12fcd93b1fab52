/**
 * Whether Ollama answers now, by its `/api/version`.
 *
 * Promise: never throws and never takes longer than `timeoutMs`; no model is loaded by asking.
 */
import { limitCall } from '#infra/http/call-limit.ts'
import { openClient } from '#infra/http/client.ts'
import type { ProviderHealth } from '#processors/ports/model-provider.ts'

export async function probeVersion(
  baseUrl: string,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<ProviderHealth> {
  const limit = limitCall(signal, timeoutMs)
  const client = openClient(apiOf(baseUrl), { apiKey: undefined, local: false })
  try {
    const { statusCode, body } = await client.send({ method: 'GET', resource: '/version', signal: limit.signal })
    const text = (await body.text()).slice(0, 1000)
    const version = statusCode === 200 ? /"version"\s*:\s*"([\w.+-]{1,40})"/.exec(text)?.[1] : undefined
    if (version !== undefined) return { answers: true, detail: `Ollama ${version}` }
    return { answers: false, detail: `${client.shown}/version answered ${statusCode} without a version` }
  } catch {
    const why = limit.endedBy() === 'timeout' ? `no answer within ${timeoutMs} ms` : 'nothing answers there'
    return { answers: false, detail: `${client.shown}: ${why}` }
  } finally {
    limit.release()
    await client.close()
  }
}

/** Beside the path of the OpenAI API, under which it was configured. */
function apiOf(baseUrl: string): string {
  const url = new URL(baseUrl)
  url.pathname = url.pathname.replace(/\/+$/, '').replace(/\/(v1|api)$/, '') + '/api'
  return url.href
}
