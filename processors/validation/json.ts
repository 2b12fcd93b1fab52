import { finding } from './finding.ts'
import type { Validator } from './validator.ts'

/** The whole answer is one JSON value, in a code fence or bare. */
export const json: Validator = {
  judge(answer) {
    try {
      JSON.parse(withoutFence(answer.trim()))
      return []
    } catch (error) {
      return [finding('Syntax', 'no-json', `your response wasn't valid JSON: ${(error as Error).message}`)]
    }
  },
}

/** What stands between the fence's two lines; the text itself where it is not one fence. */
function withoutFence(text: string): string {
  const opening = /^```(?:json)?[ \t\r]*\n/.exec(text)?.[0]
  if (opening === undefined || !text.endsWith('```')) return text
  const body = text.slice(opening.length, -3)
  return /^[ \t]*$/.test(body.slice(body.lastIndexOf('\n') + 1)) ? body : text
}
