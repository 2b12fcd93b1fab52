/**
 * The body of a chat completion request: the caller's fields as they are.
 *
 * Promise: only `model`, `messages`, `stream` and `stream_options` are ours; every other field passes untouched, also one
 * nobody has heard of. Undefined when it can't be written as JSON.
 */
import type { ModelRequest } from '#processors/ports/model-provider.ts'
import { isObject } from '#infra/http/model-failures.ts'

export function requestBody(
  { model, messages, parameters }: ModelRequest,
  { stream, askUsage }: { readonly stream: boolean; readonly askUsage: boolean },
): string | undefined {
  const options = isObject(parameters['stream_options']) ? parameters['stream_options'] : undefined
  const usage = askUsage ? { ...options, include_usage: true } : options
  const streaming = stream ? { stream: true, stream_options: usage } : { stream: undefined, stream_options: undefined }
  try {
    return JSON.stringify({ ...parameters, model, messages, ...streaming })
  } catch {
    return undefined
  }
}

/** Whether the caller of a stream wants its last event to be the usage (`stream_options.include_usage`). */
export function wantsUsage({ parameters }: ModelRequest): boolean {
  const options = parameters['stream_options']
  return isObject(options) && options['include_usage'] === true
}
