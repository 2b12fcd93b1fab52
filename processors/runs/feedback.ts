import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { ChatMessage } from '#processors/ports/model-provider.ts'
import type { Finding, RunState } from './run.ts'

/**
 * What a model is told after its answer was refused: the answer and what was wrong with it, so that it can mend it.
 *
 * Promise: of the last judged answer alone, as it is on the log, so that the prompt doesn't grow with every try. A run of
 * kind `iterate` is told the structured errors as JSON, or that there was no JSON; others are told in words.
 */
export async function feedback(run: RunState, claimCheck: ClaimCheck): Promise<ChatMessage[]> {
  if (run.spec.limits.once) return []
  const refused = run.attempts.findLast((one) => one.verdict !== undefined)
  if (refused?.verdict?.passed !== false || refused.result?.is !== 'completed') return []
  const correction = run.spec.kind === 'iterate' ? structured : inWords
  return [
    { role: 'assistant', content: await claimCheck.open(refused.result.content) },
    { role: 'user', content: correction(refused.verdict.findings) },
  ]
}

function inWords(findings: readonly Finding[]): string {
  const list = findings.map(({ kind, message }) => `- ${kind}: ${message}`).join('\n')
  return `That answer was not accepted:\n${list}\nGive a corrected answer, and nothing else.`
}

function structured(findings: readonly Finding[]): string {
  if (findings.some(({ code }) => code === 'no-json'))
    return "your response wasn't valid JSON. Answer with one JSON value, and nothing else."
  const errors = findings.map(({ kind, code, message, path }) => ({ kind, code, message, path }))
  return `Your answer did not pass validation:\n${JSON.stringify(errors)}\nGive a corrected answer, and nothing else.`
}
