/**
 * Whether a server answers now, and which models it has.
 *
 * Promise: never throws and never takes longer than `timeoutMs`; another program on that port doesn't count.
 */
import { limitCall } from '#infra/http/call-limit.ts'
import { openClient } from '#infra/http/client.ts'
import type { ConfiguredProvider } from './configured-providers.ts'
import { isObject } from '#infra/http/model-failures.ts'
import { speaksOllama } from '#infra/http/speaks-ollama.ts'

export interface Probe {
  readonly answers: boolean
  /** Model ids in the server's order. */
  readonly models: readonly string[]
  /** Why it doesn't count as answering, in words. */
  readonly reason: string
}

/** How long a local server nobody configured is waited for. */
export const probeTimeoutMs = 200

const most = 4 * 1024 * 1024

export async function probeModels(
  provider: Pick<ConfiguredProvider, 'baseUrl' | 'apiKey' | 'local'>,
  timeoutMs: number = probeTimeoutMs,
): Promise<Probe> {
  const client = openClient(provider.baseUrl, provider)
  const limit = limitCall(AbortSignal.any([]), timeoutMs)
  const resource = speaksOllama(provider.baseUrl) ? '/tags' : '/models'
  try {
    const { statusCode, body } = await client.send({ method: 'GET', resource, signal: limit.signal })
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > most) return silent('its list of models is too large')
      chunks.push(chunk)
    }
    // It is there and wants a key: the call itself will say so.
    if (statusCode === 401 || statusCode === 403) return { answers: true, models: [], reason: '' }
    const models = statusCode === 200 ? modelIds(Buffer.concat(chunks).toString('utf8')) : undefined
    if (models === undefined) return silent(`it answered ${statusCode} without a list of models`)
    return { answers: true, models, reason: '' }
  } catch {
    return silent(limit.endedBy() === 'timeout' ? `no answer within ${timeoutMs} ms` : 'nothing answers there')
  } finally {
    limit.release()
    await client.close()
  }
}

function silent(reason: string): Probe {
  return { answers: false, models: [], reason }
}

function modelIds(text: string): string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isObject(parsed) || !('data' in parsed || 'models' in parsed)) return undefined
    // Ollama's own API calls them models; without any, its other one answers null.
    const list: unknown = parsed['data'] ?? parsed['models']
    const ids = Array.isArray(list) ? list.map((one: unknown) => (isObject(one) ? (one['id'] ?? one['name']) : '')) : []
    return ids.filter((id): id is string => typeof id === 'string' && id !== '')
  } catch {
    return undefined
  }
}
