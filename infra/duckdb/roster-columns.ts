/**
 * Which columns of a roster's file say what, whatever they are called there.
 *
 * Promise: names are compared without capital letters and punctuation; where several would do, the first of the list here
 * is taken. A file without ids, or with names nowhere, is refused. Errors: `roster.unavailable`.
 */
import { Failure } from '#processors/ports/failure.ts'

const known = {
  id: ['id', 'workerid', 'candidateid', 'employeeid', 'personid', 'rosterid'],
  name: ['name', 'fullname', 'workername', 'candidatename', 'employeename', 'displayname'],
  city: ['city', 'homecity', 'workcity', 'locationcity', 'town'],
  state: ['state', 'homestate', 'workstate', 'locationstate', 'statecode', 'province', 'region'],
  role: ['role', 'primaryrole', 'jobtitle', 'jobrole', 'title', 'position', 'occupation', 'trade', 'skill'],
  status: ['status', 'workerstatus', 'candidatestatus', 'employmentstatus', 'availability'],
  email: ['email', 'emailaddress', 'mail', 'workemail'],
  phone: ['phone', 'phonenumber', 'mobile', 'mobilephone', 'cell', 'cellphone', 'telephone'],
  blocked: ['blockedclients', 'blacklistedclients', 'clientblacklist', 'donotsend', 'dnr'],
} as const

export type RosterColumn = keyof typeof known

/** Each column's names in the file; none where it has none, two for a name in parts. */
export function rosterColumns(names: readonly string[]): Record<RosterColumn, readonly string[]> {
  const plain = new Map(names.toReversed().map((name) => [name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''), name]))
  const found = (candidates: readonly string[]): string[] =>
    candidates.flatMap((candidate) => plain.get(candidate) ?? []).slice(0, 1)
  const { id, name, city, state, role, status, email, phone, blocked } = known
  const columns = {
    id: found(id),
    name: found(name),
    city: found(city),
    state: found(state),
    role: found(role),
    status: found(status),
    email: found(email),
    phone: found(phone),
    blocked: found(blocked),
  }
  const whole =
    columns.name.length > 0
      ? columns.name
      : [...found(['firstname', 'givenname']), ...found(['lastname', 'surname', 'familyname'])]
  if (columns.id.length === 0) throw without('an id', ['id', 'worker_id', 'candidate_id'], names)
  if (whole.length === 0) throw without('a name', ['name', 'full_name', 'worker_name'], names)
  return { ...columns, name: whole }
}

function without(what: string, candidates: readonly string[], names: readonly string[]): Failure {
  const there = names.slice(0, 8).map((name) => JSON.stringify(name.slice(0, 40)))
  return new Failure('roster.unavailable', `the roster has no column for ${what}; it has ${there.join(', ')}`, {
    remedy: `Name one of its columns ${candidates.join(', ')}; of a CSV each row has as many cells as the first.`,
  })
}
