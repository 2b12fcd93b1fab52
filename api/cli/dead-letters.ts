import { Failure } from '#processors/ports/failure.ts'
import { getLetter, listLetters } from '#processors/delivery/letters.query.ts'
import type { LetterDetail } from '#processors/delivery/letters.query.ts'
import { discardLetter, resubmitLetter } from '#processors/delivery/settle-letter.command.ts'
import { need } from '#processors/start.ts'
import type { Lattice } from '#processors/start.ts'
import type { CliAction, CliContext, ExitCode } from './command.ts'

/** `lattice dead-letters …`: what was set aside, and what becomes of it. */
export const listDeadLetters: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const query = context.options['all'] === true ? { limit: 1000 } : { limit: 1000, state: 'parked' }
    const letters = await need(lattice, 'lookup').query((tables) => listLetters(tables, query))
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
  withLattice(context, async (lattice) => {
    context.print.json(await letterOf(lattice, context))
    return 0
  })

export const resubmitDeadLetter: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const { journal, given } = lattice
    const { position, recordId } = await resubmitLetter({ journal, log: given.log }, await letterOf(lattice, context), 'local')
    context.print.out(`appended again as ${recordId} at ${position.topic}:${position.partition}:${position.offset}`)
    return 0
  })

export const discardDeadLetter: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const { reason } = context.options
    await discardLetter({ journal: lattice.journal }, await letterOf(lattice, context), {
      principal: 'local',
      ...(typeof reason === 'string' ? { reason } : {}),
    })
    context.print.out('discarded')
    return 0
  })

async function letterOf(lattice: Lattice, { arguments: [letter = ''] }: CliContext): Promise<LetterDetail> {
  const found = await need(lattice, 'lookup').query((tables) => getLetter(tables, letter))
  if (found === undefined) throw new Failure('letter.unknown', `there is no dead letter ${letter}`, { remedy: 'lattice dead-letters list' })
  return found
}

async function withLattice(context: CliContext, work: (lattice: Lattice) => Promise<ExitCode>): Promise<ExitCode> {
  const opened = await context.open({ role: 'dead-letters', stores: ['lookup'], quiet: true })
  try {
    const { lattice } = opened
    const ends = await lattice.given.log.bounds('dead-letters.v1')
    const positions = ends
      .filter(({ next }) => next > 0)
      .map(({ partition, next }) => ({ topic: 'dead-letters.v1', partition, offset: next - 1 }))
    if (!(await need(lattice, 'lookup').reached(positions, 10_000))) {
      throw new Failure('position.not-reached', 'the lookup store has not caught up', { remedy: 'look at: lattice status' })
    }
    return await work(lattice)
  } finally {
    await opened.close()
  }
}
