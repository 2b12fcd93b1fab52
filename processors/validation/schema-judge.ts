import { Failure } from '#processors/ports/failure.ts'
import { openSchemaLane } from './schema-lane.ts'
import type { Finding } from './validator.ts'

/**
 * What a foreign schema says of an answer; of no answer, whether it can be judged by at all.
 *
 * Promise: the thread that asks is held up by no schema. Every question is first asked where each has little time; the few
 * that need more are asked again beside, so that who sends schemas that never end keeps only his own kind waiting. Errors:
 * `request.invalid`, in the compiler's words.
 */
export type SchemaSaid = { readonly findings: readonly Finding[] } | { readonly slow: string }

export async function askSchema(schema: string, answer: string | undefined): Promise<SchemaSaid> {
  const first = await quick.ask({ schema, answer })
  const said = 'slow' in first ? await patient.ask({ schema, answer }) : first
  if ('refused' in said) throw new Failure('request.invalid', said.refused, { remedy: said.remedy })
  if ('findings' in said) return said
  if ('gone' in said) return { slow: 'took more time or memory than it may' }
  if ('crowded' in said) return { slow: 'has too many others before it; ask again later' }
  return { slow: `took longer than ${patientMs} ms ${said.slow === 'compiling' ? 'to understand' : 'to judge by'}` }
}

const patientMs = 1000
const quick = openSchemaLane({ ms: 100 })
const patient = openSchemaLane({ ms: patientMs, mostWaiting: 100 })
