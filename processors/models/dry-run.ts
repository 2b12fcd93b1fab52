/**
 * A model that costs nothing and asks nobody: what stands in for all models in a dry run.
 *
 * Promise: deterministic, of this one run: the first call quotes the best sentences of the passages, or says the task
 * again where there are none; from the second call on the same text ends in `[ESCALATED]`, so that who looks at a dry run
 * sees that it was escalated.
 */
import type { ModelProvider } from '#processors/ports/model-provider.ts'
import { extract } from './extract.ts'
import { builtIn } from './route-model.ts'

export const escalatedMark = '\n\n[ESCALATED]'

export function createDryRunProvider(task: string): ModelProvider {
  let calls = 0
  return {
    name: builtIn.provider,
    url: 'builtin:lattice/dry-run',
    defaultModel: builtIn.model,
    async complete({ model, passages = [] }) {
      calls += 1
      const said = passages.length === 0 ? task : extract(task, passages)
      const content = calls > 1 ? `${said}${escalatedMark}` : said
      const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }
      const raw = JSON.stringify({ object: 'chat.completion', model, choices: [choice] })
      return { ok: true, content, raw, finishReason: 'stop', promptTokens: 0, completionTokens: 0 }
    },
  }
}
