/**
 * The people an answer may name: a table that stands outside Lattice and changes there.
 *
 * Promise: an answer is of the table as it stood at one moment, no older than the question. A table that can't be read is
 * an error, never an empty roster. Errors: `roster.unavailable`.
 */
export interface Roster {
  /** Every worker who has one of these ids, names or addresses, in the table's order. */
  find(named: RosterQuestion): Promise<readonly Worker[]>
  /** The first workers who have this city, state and role, as far as they are given, in the table's order. */
  matching(wanted: RosterMatch): Promise<readonly Worker[]>
  close(): Promise<void>
}

export interface RosterQuestion {
  /** As they stand in the table, space around them aside. */
  readonly ids?: readonly string[]
  /** Capital letters and space aside. */
  readonly names?: readonly string[]
  /** Capital letters aside. */
  readonly emails?: readonly string[]
}

/** Capital letters and space aside. */
export interface RosterMatch {
  readonly city?: string
  readonly state?: string
  readonly role?: string
  readonly most: number
}

/** One row; '' where the table doesn't say. */
export interface Worker {
  readonly id: string
  readonly name: string
  readonly city: string
  readonly state: string
  readonly role: string
  readonly status: string
  readonly email: string
  readonly phone: string
  /** Client ids that will not have this worker again. */
  readonly blockedClients: readonly string[]
}
