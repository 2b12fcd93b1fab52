/**
 * `npm run crash -- [--log embedded|redis|kafka] [--kills 50] [--seed n]`: kills a serving process under load, more often
 * than a test run has time for, on a real server that it starts itself.
 */
import { parseArgs } from 'node:util'
import { startKafka } from '#scripts/services/kafka.ts'
import { startRedis } from '#scripts/services/redis.ts'
import { killServing } from '#test/crash/kill-serving.ts'

const { values } = parseArgs({
  options: {
    log: { type: 'string', default: 'embedded' },
    kills: { type: 'string', default: '50' },
    seed: { type: 'string' },
  },
})

const server = await startServer(values.log)
try {
  const outcome = await killServing({
    kills: Number(values.kills),
    note: (line) => process.stderr.write(`${line}\n`),
    ...(server !== undefined && { env: { LATTICE_LOG: server.address } }),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  })
  process.stdout.write(`${JSON.stringify({ log: values.log, kills: Number(values.kills), ...outcome })}\n`)
} finally {
  await server?.stop()
}

async function startServer(log: string): Promise<{ address: string; stop(): Promise<void> } | undefined> {
  if (log === 'embedded') return undefined
  if (log === 'redis') {
    const redis = await startRedis({ fsync: 'always' })
    return { address: redis.url, stop: () => redis.stop() }
  }
  if (log === 'kafka') {
    const kafka = await startKafka()
    return { address: `kafka://${kafka.brokers}`, stop: () => kafka.stop() }
  }
  throw new Error(`--log takes embedded, redis or kafka, not ${log}`)
}
