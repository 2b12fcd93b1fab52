/** What a codec refuses, as the error it throws. */
import { WireError } from '#schemas/wire/wire-error.ts'

export function failureOf(work: () => unknown): WireError {
  try {
    work()
  } catch (error) {
    if (error instanceof WireError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
