import { Failure } from '#processors/ports/failure.ts'
import type { ValidatorOptions } from './validator.ts'

/**
 * What a request demands of an answer that names workers: the seed's `context`.
 *
 * Promise: a demand that can't be understood is refused, never left out; fields nobody knows are left alone, because a
 * context is also for the prompt. Errors: `request.invalid`.
 */
export interface Contract {
  readonly targetCount: number | undefined
  readonly city: string | undefined
  readonly state: string | undefined
  readonly role: string | undefined
  readonly clientId: string | undefined
}

export function contractOf(options: ValidatorOptions): Contract {
  return {
    targetCount: wholeNumber(options, 'target_count', { least: 1, most: 10_000 }),
    city: shortText(options, 'city'),
    state: shortText(options, 'state'),
    role: shortText(options, 'role'),
    clientId: shortText(options, 'client_id'),
  }
}

const longestText = 500

/** Undefined where there is none or null. */
export function shortText(options: ValidatorOptions, name: string): string | undefined {
  const value = own(options, name)
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.trim() !== '' && value.length <= longestText) return value
  throw refused(name, `a text of 1 to ${longestText} characters`)
}

export function wholeNumber(
  options: ValidatorOptions,
  name: string,
  { least, most }: { least: number; most: number },
): number | undefined {
  const value = own(options, name)
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw refused(name, `a whole number from ${least} to ${most}`)
}

/** A text or a list of texts. */
export function texts(options: ValidatorOptions, name: string): readonly string[] {
  const value = own(options, name)
  const list: unknown = typeof value === 'string' ? [value] : (value ?? [])
  const isText = (one: unknown): boolean => typeof one === 'string' && one.trim() !== '' && one.length <= longestText
  if (Array.isArray(list) && list.length <= 1000 && list.every(isText)) return list as string[]
  throw refused(name, `a text or a list of texts of 1 to ${longestText} characters`)
}

function own(options: ValidatorOptions, name: string): unknown {
  return Object.hasOwn(options, name) ? (options[name] ?? undefined) : undefined
}

function refused(name: string, allowed: string): Failure {
  return new Failure('request.invalid', `${name} is ${allowed}`)
}
