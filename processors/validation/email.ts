/**
 * `email`: a message to workers or to a contract's contacts.
 *
 * Promise: passes only a message whose every recipient is in the roster or named by the request, with a subject and a
 * body within their bounds, nothing left to be filled in, and no personal data but the recipients' own and what the
 * request itself names. The rules are in docs/validators.md.
 */
import type { Worker } from '#processors/ports/roster.ts'
import { artifactOf, field } from './artifact.ts'
import { shortText, texts, wholeNumber } from './contract.ts'
import { finding, quoted } from './finding.ts'
import { lookUp } from './look-up.ts'
import { isSamePhone, personalData } from './personal-data.ts'
import { placeholders } from './placeholders.ts'
import { folded, isSameText } from './same-text.ts'
import type { Finding, Validator, ValidatorOptions } from './validator.ts'

export const email: Validator = {
  readsRoster: true,
  check: (options) => void rulesOf(options),
  async judge(answer, options, { roster }) {
    const rules = rulesOf(options)
    const read = artifactOf(answer)
    if ('findings' in read) return read.findings
    const { message, findings } = messageOf(read.artifact)
    if (message === undefined) return findings
    const strangers = message.to.filter((one) => !rules.contacts.some((contact) => isSameText(contact, one)))
    const ids = rules.candidate === undefined ? strangers : [...strangers, rules.candidate]
    const looked = await lookUp(roster, { ids, emails: strangers })
    if ('findings' in looked) return looked.findings
    // Longer ones are refused for that, and not read to their end.
    const start = { ...message, subject: message.subject.slice(0, 1000), body: message.body.slice(0, 100_000) }
    return [
      ...recipientFindings(message, { rules, strangers, workers: looked.workers }),
      ...lengthFindings(message, rules),
      ...placeholderFindings(start),
      ...personalFindings(start, { rules, workers: looked.workers }),
    ]
  },
}

interface Message {
  readonly to: readonly string[]
  readonly subject: string
  readonly body: string
}

interface Rules {
  /** Addresses and phone numbers that the request itself names. */
  readonly contacts: readonly string[]
  /** Id of the one worker it must be sent to. */
  readonly candidate: string | undefined
  readonly subjectMost: number
  readonly bodyLeast: number
  readonly bodyMost: number
}

function rulesOf(options: ValidatorOptions): Rules {
  return {
    contacts: [...texts(options, 'recipients'), ...texts(options, 'contacts')],
    candidate: shortText(options, 'candidate_id')?.trim(),
    subjectMost: wholeNumber(options, 'max_subject', { least: 1, most: 998 }) ?? 120,
    bodyLeast: wholeNumber(options, 'min_body', { least: 1, most: 100_000 }) ?? 20,
    bodyMost: wholeNumber(options, 'max_body', { least: 1, most: 100_000 }) ?? 5000,
  }
}

const mostRecipients = 100

function messageOf(artifact: object): { message: Message | undefined; findings: readonly Finding[] } {
  const given = field(artifact, 'to') ?? field(artifact, 'recipient') ?? field(artifact, 'recipients')
  const to: unknown = typeof given === 'string' ? [given] : given
  const [subject, body] = [field(artifact, 'subject'), field(artifact, 'body')]
  const findings: Finding[] = []
  const wrong = (message: string, name: string): void =>
    void findings.push(finding('Schema', 'wrong-shape', message, [name]))
  const isText = (one: unknown): boolean => typeof one === 'string' && one.length <= 500
  if (!Array.isArray(to) || !to.every(isText)) wrong('to is an address, a worker id, or a list of them', 'to')
  else if (to.length > mostRecipients) wrong(`more than ${mostRecipients} recipients`, 'to')
  for (const name of ['cc', 'bcc'])
    if (field(artifact, name) !== undefined) wrong(`${name} is not sent; name everybody in to`, name)
  if (typeof subject !== 'string') wrong('subject is a text', 'subject')
  if (typeof body !== 'string') wrong('body is a text', 'body')
  if (findings.length > 0) return { message: undefined, findings }
  const named = (to as string[]).map((one) => one.trim()).filter((one) => one !== '')
  return { message: { to: named, subject: subject as string, body: body as string }, findings }
}

function recipientFindings(
  { to }: Message,
  { rules, strangers, workers }: { rules: Rules; strangers: readonly string[]; workers: readonly Worker[] },
): Finding[] {
  if (to.length === 0) return [finding('Completeness', 'nobody-named', 'there is no recipient', ['to'])]
  const names = (worker: Worker, one: string): boolean =>
    worker.id === one || (worker.email !== '' && isSameText(worker.email, one))
  const found = strangers
    .filter((one) => !workers.some((worker) => names(worker, one)))
    .map((one) => finding('Consistency', 'phantom-recipient', `recipient ${quoted(one)} is not in the roster`, ['to']))
  const twice = to.filter((one, index) => to.findIndex((other) => folded(other) === folded(one)) < index)
  for (const one of twice)
    found.push(
      finding('Consistency', 'duplicate-recipient', `recipient ${quoted(one)} is named more than once`, ['to']),
    )
  const { candidate } = rules
  if (candidate === undefined) return found
  const wanted = workers.find(({ id }) => id === candidate)
  if (wanted === undefined)
    found.push(finding('Consistency', 'phantom-id', `worker ${quoted(candidate)} is not in the roster`, ['to']))
  else if (!to.some((one) => names(wanted, one)))
    found.push(finding('Consistency', 'recipient-mismatch', `it is not sent to worker ${quoted(candidate)}`, ['to']))
  return found
}

function lengthFindings({ subject, body }: Message, { subjectMost, bodyLeast, bodyMost }: Rules): Finding[] {
  const found: Finding[] = []
  const { length } = body.trim()
  if (subject.trim() === '') found.push(finding('Completeness', 'subject-missing', 'the subject is empty', ['subject']))
  if (subject.length > subjectMost)
    found.push(
      finding('Policy', 'subject-too-long', `the subject has more than ${subjectMost} characters`, ['subject']),
    )
  // A line break in a subject begins another header.
  if (/[\r\n]/.test(subject))
    found.push(finding('Policy', 'subject-lines', 'the subject has more than one line', ['subject']))
  if (length < bodyLeast)
    found.push(finding('Completeness', 'body-too-short', `the body has fewer than ${bodyLeast} characters`, ['body']))
  if (length > bodyMost)
    found.push(finding('Policy', 'body-too-long', `the body has more than ${bodyMost} characters`, ['body']))
  return found
}

function placeholderFindings(message: Message): Finding[] {
  return (['subject', 'body'] as const).flatMap((part) =>
    [...new Set(placeholders(message[part]))].map((one) =>
      finding('Policy', 'placeholder', `the ${part} has the placeholder ${quoted(one)} left`, [part]),
    ),
  )
}

/** What is found is not repeated: a verdict is kept, and shown to the model again. */
function personalFindings(
  message: Message,
  { rules, workers }: { rules: Rules; workers: readonly Worker[] },
): Finding[] {
  const recipients = workers.filter(({ id, email: address }) =>
    message.to.some((one) => one === id || (address !== '' && isSameText(address, one))),
  )
  const own = [...rules.contacts, ...recipients.flatMap((one) => [one.email, one.phone])].filter((one) => one !== '')
  return (['subject', 'body'] as const).flatMap((part) => {
    const foreign = personalData(message[part]).filter(({ what, text }) => {
      if (what === 'email address') return !own.some((one) => isSameText(one, text))
      return what !== 'phone number' || !own.some((one) => isSamePhone(one, text))
    })
    return [...new Set(foreign.map(({ what }) => what))].map((what) =>
      finding('Policy', 'personal-data', `the ${part} has a ${what} that is not the recipient's own`, [part]),
    )
  })
}
