import type { Roster } from '#processors/ports/roster.ts'
import type { EventData } from '#schemas/event.ts'

/**
 * What judges an answer.
 *
 * Promise: the same answer, options and roster get the same findings; none means passed, so what could not be judged is a
 * finding as well. `check` refuses options by which nothing can be judged, before a model is paid. A validator that throws
 * is a failing verdict.
 */
export interface Validator {
  /** Looks workers up: the answer is on the log before it is judged (R1). */
  readonly readsRoster?: boolean
  /** Errors: `request.invalid`, naming the option. */
  check?(options: ValidatorOptions): void | Promise<void>
  judge(
    answer: string,
    options: ValidatorOptions,
    ports: ValidatorPorts,
  ): readonly Finding[] | Promise<readonly Finding[]>
}

/** What a request says beside the answer: the contract of a fill, the schema of `json_schema`, … */
export type ValidatorOptions = Readonly<Record<string, unknown>>

export interface ValidatorPorts {
  /** Undefined where none is configured. */
  readonly roster: Roster | undefined
  /** What the answer's prompt was given by retrieval. */
  readonly passages?: readonly { readonly path: string; readonly text: string }[]
}

export type Finding = EventData['verdict.reached']['findings'][number]

/** What a finding is about; the word of `code` says which one exactly. */
export type FindingKind =
  | 'Empty' // no answer
  | 'Syntax' // no JSON in it
  | 'Schema' // JSON of another shape
  | 'Completeness' // something is missing, or too much
  | 'Consistency' // it contradicts the roster, the contract or itself
  | 'Policy' // it says what must not be said
  | 'Infrastructure' // it could not be judged
