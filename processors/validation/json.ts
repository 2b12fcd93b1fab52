import type { Validator } from './validator.ts'

/** The whole answer is one JSON value, in a code fence or bare. */
export const json: Validator = (answer) => {
  const text = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(answer)?.[1] ?? answer
  try {
    JSON.parse(text)
    return []
  } catch (error) {
    return [{ kind: 'Syntax', message: `your response wasn't valid JSON: ${(error as Error).message}`, path: null }]
  }
}
