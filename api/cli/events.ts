import { readEvents } from '#processors/journal/events.query.ts'
import { Failure } from '#processors/ports/failure.ts'
import { topicNames } from '#schemas/topics.ts'
import type { CliAction } from './command.ts'
import { wholeNumber } from './number.ts'

/** `lattice events`: the records of a topic, decoded; what is no event is named, never hidden. */
export const events: CliAction = async (context) => {
  const {
    arguments: [name = ''],
    options,
    print,
    signal,
  } = context
  const topic = topicNames.find((one) => one === name)
  if (topic === undefined)
    throw new Failure('request.invalid', `there is no topic ${name}; there are: ${topicNames.join(', ')}`)
  const from = wholeNumber(context, 'from', { least: 0 })
  const follow = options['follow'] === true
  if (!follow && !(await context.hasLog())) {
    print.note(`no events yet: there is no log at ${context.loaded.config.log}; lattice run or lattice serve makes it`)
    return 0
  }
  const opened = await context.open({ role: 'events', stores: [], existing: true, models: false, quiet: true })
  try {
    const ports = { log: opened.lattice.given.log, codec: opened.lattice.codec }
    for await (const event of readEvents(ports, { topic, follow, signal, ...(from === undefined ? {} : { from }) })) {
      if (options['json'] === true) print.out(JSON.stringify(event))
      else {
        const { position, type, key, envelope, bad, data } = event
        print.out(
          `${position.partition}:${position.offset}  ${envelope?.time ?? ''}  ${type ?? '?'}  ${key}  ${bad ?? JSON.stringify(data).slice(0, 160)}`,
        )
      }
    }
    return signal.aborted ? 130 : 0
  } finally {
    await opened.close()
  }
}
