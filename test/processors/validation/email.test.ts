/** `email`: recipients, bounds, what is left to be filled in, and whose data it has. */
import { expect, test } from 'vitest'
import { groundedInRoster } from '#processors/validation/grounded.ts'
import { judgeAnswer } from '#processors/validation/judge-answer.ts'
import type { Finding, ValidatorOptions } from '#processors/validation/validator.ts'
import { rosterOfWorkers } from './workers.ts'

const roster = rosterOfWorkers()
const judge = (artifact: unknown, options: ValidatorOptions = {}): Promise<readonly Finding[]> =>
  judgeAnswer('email', JSON.stringify(artifact), { options, roster })

const good = {
  to: 'worker1@example.org',
  subject: 'Your shift on Monday',
  body: 'Hello,\n\nyour shift begins on 2026-11-23 at 07:00, gate 4. See [the map](https://example.org/map).\n\nThe office',
}

test.for([
  [{}, {}],
  [{ to: 'W-1' }, {}],
  [{ to: ['WORKER1@example.org', 'W-2'] }, {}],
  [{ to: undefined, recipient: 'W-1' }, {}],
  [{ body: `${good.body} We have your number as 419-555-0100 and worker1@example.org.` }, {}],
  [{ body: `${good.body} +1 (419) 555 0100` }, { candidate_id: 'W-1' }],
  [{ to: 'boss@client.example' }, { recipients: 'boss@client.example' }],
  [
    { body: `${good.body} Questions: office@agency.example, 212-555-0199.` },
    { contacts: ['office@agency.example', '212 555 0199'] },
  ],
  [{ body: 'Por favor lea todo. Come at 7, 8 or 9 with $1,200 and 12 tools. Lorena waits.' }, {}],
] as const)('%j passes with %j', async ([change, options]) => {
  const findings = await judge({ ...good, ...change }, options)
  expect(findings).toEqual([])
  expect(groundedInRoster('email', findings)).toBe(true)
})

test.for([
  ['Schema wrong-shape', { to: undefined }, {}],
  ['Schema wrong-shape', { to: { email: 'worker1@example.org' } }, {}],
  ['Schema wrong-shape', { subject: undefined }, {}],
  ['Schema wrong-shape', { body: ['x'] }, {}],
  ['Schema wrong-shape', { bcc: 'worker2@example.org' }, {}],
  ['Completeness nobody-named', { to: [] }, {}],
  ['Completeness nobody-named', { to: ' ' }, {}],
  ['Consistency phantom-recipient', { to: ['W-1', 'jane@example.org'] }, {}],
  ['Consistency phantom-recipient', { to: 'W-99' }, {}],
  ['Consistency duplicate-recipient', { to: ['W-1', 'w-1'] }, {}],
  ['Consistency recipient-mismatch', {}, { candidate_id: 'W-2' }],
  ['Consistency phantom-id', {}, { candidate_id: 'W-99' }],
  ['Completeness subject-missing', { subject: ' ' }, {}],
  ['Policy subject-too-long', { subject: 'x'.repeat(121) }, {}],
  ['Policy subject-too-long', {}, { max_subject: 5 }],
  ['Policy subject-lines', { subject: 'Hello\r\nBcc: all@example.org' }, {}],
  ['Completeness body-too-short', { body: 'Come.' }, {}],
  ['Policy body-too-long', { body: 'word '.repeat(1001) }, {}],
  ['Policy body-too-long', { body: 'x'.repeat(2_000_000) }, { max_body: 100_000 }],
  ...[
    'Dear {{name}},',
    'Dear ${first}',
    'Dear [Name],',
    'Dear <NAME>,',
    'Dear <your name>',
    '%FIRST_NAME%',
    'Lorem ipsum',
    'TODO: time',
    'at XXX',
    'TBD',
  ].map((text) => ['Policy placeholder', { body: `${good.body} ${text}` }, {}] as const),
  ['Policy placeholder', { subject: 'Shift of [Date]' }, {}],
  ...[
    'Call Bob: 419-555-0101',
    '(212) 555 0199',
    '+44 20 7946 0958',
    'call 555-0199',
    '２１２-５５５-０１９９',
    '212\u200b-555-0199',
    'SSN 078-05-1120',
    'pay by 4111 1111 1111 1111',
    'write to worker2@example.org',
    'or wörker@exämple.org',
  ].map((text) => ['Policy personal-data', { body: `${good.body} ${text}` }, {}] as const),
] as const)('%s: %j with %j', async ([code, change, options]) => {
  const findings = await judge({ ...good, ...change }, options)
  expect(findings.map((one) => `${one.kind} ${one.code}`)).toContain(code)
  if (code.includes('personal-data')) expect(JSON.stringify(findings)).not.toMatch(/\d{4}|@/)
})

test("a recipient's own data may be told to that one, not to another", async () => {
  const body = `${good.body} Call 419-555-0101.`
  expect(await judge({ ...good, to: 'W-2', body })).toEqual([])
  expect(await judge({ ...good, to: 'W-1', body })).toMatchObject([{ code: 'personal-data' }])
  // Whom the request names is looked up, and is no recipient by that.
  expect(await judge({ ...good, to: 'W-1', body }, { candidate_id: 'W-2' })).toMatchObject([
    { code: 'recipient-mismatch' },
    { code: 'personal-data' },
  ])
})
