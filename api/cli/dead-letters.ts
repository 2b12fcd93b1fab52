import { Failure } from '#processors/ports/failure.ts'
import { getLetter, listLetters } from '#processors/delivery/letters.query.ts'
import type { LetterDetail } from '#processors/delivery/letters.query.ts'
import { discardLetter, resubmitLetter } from '#processors/delivery/settle-letter.command.ts'
import type { Opened } from '#api/opened.ts'
import { answer } from './command.ts'
import type { CliAction, CliContext, ExitCode } from './command.ts'

/** `lattice dead-letters …`: what was set aside, and what becomes of it. */
export const listDeadLetters: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const query = context.options['all'] === true ? { limit: 1000 } : { limit: 1000, state: 'parked' }
    const letters = await opened.store('lookup').query((tables) => listLetters(tables, query))
    if (context.options['json'] === true) context.print.json(letters)
    else if (letters.length === 0) context.print.note('no dead letters')
    else {
      context.print.table(
        letters.map(({ letter, parkedBy, topic, partition, offset, state, message }) => ({
          letter,
          by: parkedBy,
          at: `${topic}:${partition}:${offset}`,
          state,
          message: message.slice(0, 80),
        })),
      )
    }
    return 0
  })

export const showDeadLetter: CliAction = (context) =>
  withLookup(context, async (opened) => {
    context.print.json(await letterOf(opened, context))
    return 0
  })

export const resubmitDeadLetter: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const { journal, given } = opened.lattice
    const [letter = ''] = context.arguments
    const ports = { journal, log: given.log, lookup: opened.store('lookup') }
    const { position, recordId } = await resubmitLetter(ports, letter, 'local')
    answer(
      context,
      { recordId, position },
      `appended again as ${recordId} at ${position.topic}:${position.partition}:${position.offset}`,
    )
    return 0
  })

export const discardDeadLetter: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const { reason } = context.options
    const letter = await letterOf(opened, context)
    await discardLetter({ journal: opened.lattice.journal }, letter, {
      principal: 'local',
      ...(typeof reason === 'string' ? { reason } : {}),
    })
    answer(context, { letter: letter.letter, state: 'discarded' }, 'discarded')
    return 0
  })

async function letterOf(opened: Opened, { arguments: [letter = ''] }: CliContext): Promise<LetterDetail> {
  const found = await opened.store('lookup').query((tables) => getLetter(tables, letter))
  if (found === undefined)
    throw new Failure('letter.unknown', `there is no dead letter ${letter}`, { remedy: 'lattice dead-letters list' })
  return found
}

async function withLookup(context: CliContext, work: (opened: Opened) => Promise<ExitCode>): Promise<ExitCode> {
  const opened = await context.open({
    role: 'dead-letters',
    stores: ['lookup'],
    existing: true,
    models: false,
    quiet: true,
  })
  try {
    const ends = await opened.lattice.given.log.bounds('dead-letters.v1')
    const positions = ends
      .filter(({ next }) => next > 0)
      .map(({ partition, next }) => ({ topic: 'dead-letters.v1', partition, offset: next - 1 }))
    if (!(await opened.store('lookup').reached(positions, 10_000))) {
      throw new Failure('position.not-reached', 'the lookup store has not caught up', {
        remedy: 'look at: lattice status',
      })
    }
    return await work(opened)
  } finally {
    await opened.close()
  }
}
