/** `/v1/dead-letters`: what was set aside, and what becomes of it. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { AtPosition, atPosition } from '#api/http/at-position.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { defaulted } from '#api/http/validate.ts'
import { getLetter, listLetters } from '#processors/delivery/letters.query.ts'
import type { LetterDetail } from '#processors/delivery/letters.query.ts'
import { discardLetter, resubmitLetter } from '#processors/delivery/settle-letter.command.ts'
import { Failure } from '#processors/ports/failure.ts'
import { quoted } from '#processors/ports/quoted.ts'
import { formatToken } from '#schemas/position.ts'
import { storeOf } from './store-of.ts'

const states = ['parked', 'resubmitted', 'discarded'] as const
const orNull = Type.Union([Type.String(), Type.Null()])

const view = {
  letter: Type.String({ description: 'Its id.' }),
  parkedBy: Type.String({ description: 'The store or reactor that could not take it.' }),
  version: Type.Integer(),
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.Integer(),
  recordId: orNull,
  recordType: orNull,
  code: Type.String(),
  message: Type.String(),
  state: Type.Enum([...states]),
  parkedAt: Type.String(),
  settledAt: orNull,
}

const Letter = Type.Object(
  {
    ...view,
    key: Type.String(),
    headers: Type.Record(Type.String(), Type.String()),
    value: Type.String({ description: "The record's value, its first 64 KiB, base64." }),
  },
  { $id: 'DeadLetter' },
)

const LetterPage = Type.Object({ letters: Type.Array(Type.Object(view)), next: orNull }, { $id: 'DeadLetterPage' })

const Resubmitted = Type.Object(
  {
    letter: Type.String(),
    recordId: Type.String({ description: 'Event id of the new record.' }),
    resubmittedAt: Type.String({ description: 'Position token of the new record.' }),
    position: Type.String(),
  },
  { $id: 'ResubmittedLetter' },
)

const Discarded = Type.Object({ letter: Type.String(), position: Type.String() }, { $id: 'DiscardedLetter' })

const LetterId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) })

export const deadLetterRoutes: AddRoutes = (http, opened) => {
  const { journal, given } = opened.lattice
  const { log } = given
  const lookup = () => storeOf(opened, 'lookup')
  const view = () => ({ store: lookup(), log, topics: ['dead-letters.v1'] as const })
  for (const schema of [Letter, LetterPage, Resubmitted, Discarded]) http.addSchema(schema)

  async function letterOf(id: string): Promise<LetterDetail> {
    const letter = await lookup().query((tables) => getLetter(tables, id))
    if (letter === undefined) throw new Failure('letter.unknown', `there is no dead letter ${quoted(id)}`)
    return letter
  }

  http.get(
    '/v1/dead-letters',
    {
      schema: {
        operationId: 'listDeadLetters',
        summary: 'List dead letters',
        tags: ['operations'],
        querystring: Type.Object(
          {
            state: Type.Optional(Type.Enum([...states])),
            limit: defaulted(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
            cursor: Type.Optional(
              Type.String({ minLength: 1, maxLength: 128, description: '`next` of the page before.' }),
            ),
            ...AtPosition,
          },
          { additionalProperties: false },
        ),
        response: answers(
          { 200: { description: 'A page of letters, by id.', schema: LetterPage, headers: ['x-lattice-position'] } },
          ...codesOf.read,
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      const { state, limit, cursor } = request.query
      const query = {
        limit: limit + 1,
        ...(state === undefined ? {} : { state }),
        ...(cursor === undefined ? {} : { after: cursor }),
      }
      const letters = await lookup().query((tables) => listLetters(tables, query))
      const page = letters.slice(0, limit)
      return { letters: page, next: letters.length > limit ? (page.at(-1)?.letter ?? null) : null }
    },
  )

  http.get(
    '/v1/dead-letters/:id',
    {
      schema: {
        operationId: 'getDeadLetter',
        summary: 'One dead letter, with its record',
        tags: ['operations'],
        params: LetterId,
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        response: answers(
          { 200: { description: 'The letter.', schema: Letter, headers: ['x-lattice-position'] } },
          ...codesOf.read,
          'letter.unknown',
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      return letterOf(request.params.id)
    },
  )

  http.post(
    '/v1/dead-letters/:id/resubmit',
    {
      schema: {
        operationId: 'resubmitDeadLetter',
        summary: 'Append the record again',
        description: 'A new record at the end of its topic; one of a run is refused, because its chain has gone on.',
        tags: ['operations'],
        params: LetterId,
        response: answers(
          { 202: { description: 'Appended again.', schema: Resubmitted, headers: ['x-lattice-position'] } },
          ...codesOf.write,
          'letter.unknown',
          'letter.settled',
          'log.trimmed',
          'position.not-reached',
          'store.locked',
        ),
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const ports = { journal, log, lookup: lookup() }
      const { position, recordId, settledAt } = await resubmitLetter(ports, id, request.principal)
      const token = formatToken(log.id, [settledAt])
      return reply
        .code(202)
        .header('x-lattice-position', token)
        .send({ letter: id, recordId, resubmittedAt: formatToken(log.id, [position]), position: token })
    },
  )

  http.post(
    '/v1/dead-letters/:id/discard',
    {
      schema: {
        operationId: 'discardDeadLetter',
        summary: 'Set a dead letter aside for good',
        tags: ['operations'],
        params: LetterId,
        body: Type.Object(
          { reason: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })) },
          { additionalProperties: false },
        ),
        response: answers(
          { 202: { description: 'Discarded.', schema: Discarded, headers: ['x-lattice-position'] } },
          ...codesOf.body,
          ...codesOf.write,
          'letter.unknown',
          'letter.settled',
          'store.locked',
        ),
      },
      preValidation: async (request) => {
        request.body ??= {}
      },
    },
    async (request, reply) => {
      const letter = await letterOf(request.params.id)
      const { reason } = request.body
      const by = { principal: request.principal, ...(reason === undefined ? {} : { reason }) }
      const { settledAt } = await discardLetter({ journal }, letter, by)
      const token = formatToken(log.id, [settledAt])
      return reply.code(202).header('x-lattice-position', token).send({ letter: letter.letter, position: token })
    },
  )
}
