import { extractJson } from './extract-json.ts'
import { finding } from './finding.ts'
import type { Finding } from './validator.ts'

/** The JSON of an answer, or the finding that there is none. */
export function artifactOf(answer: string): { readonly artifact: object } | { readonly findings: readonly Finding[] } {
  const found = extractJson(answer)
  if (found !== undefined) return { artifact: found.value }
  return { findings: [finding('Syntax', 'no-json', "your response wasn't valid JSON")] }
}

/** A field of its own, never one of a prototype. */
export function field(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
