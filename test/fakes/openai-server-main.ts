/**
 * The fake OpenAI-compatible server as its own process, for crash tests and benches:
 *
 *     node test/fakes/openai-server-main.ts [--port 0] [--latency 0] [--answer ok | --echo] [--models a,b] [--record]
 *                                           [--chunk-size 4] [--chunk-delay ms] [--until-stdin-ends]
 *
 * Its first line on stdout is its base URL. `GET /calls` on it gives `{count}`, `POST /script` takes faults.
 * `--until-stdin-ends` ends it with the process that holds the other end of its stdin.
 */
import { parseArgs } from 'node:util'
import type { ChatBody } from './openai-answers.ts'
import { startFakeOpenAi } from './openai-server.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    latency: { type: 'string', default: '0' },
    answer: { type: 'string', default: 'ok' },
    echo: { type: 'boolean', default: false },
    models: { type: 'string', default: 'fake' },
    'chunk-size': { type: 'string', default: '4' },
    'chunk-delay': { type: 'string' },
    record: { type: 'boolean', default: false },
    'until-stdin-ends': { type: 'boolean', default: false },
  },
})

const echo = (body: ChatBody): string => String(body.messages.at(-1)?.content)
const server = await startFakeOpenAi({
  port: Number(values.port),
  latencyMs: Number(values.latency),
  answer: values.echo ? echo : values.answer,
  models: values.models.split(','),
  recordCalls: values.record,
  chunkSize: Number(values['chunk-size']),
  chunkDelayMs: values['chunk-delay'] === undefined ? undefined : Number(values['chunk-delay']),
})
process.stdout.write(`${server.url}\n`)

const end = () => void server.close().then(() => process.exit(0))
process.on('SIGTERM', end)
process.on('SIGINT', end)
if (values['until-stdin-ends']) process.stdin.on('end', end).on('error', end).resume()
