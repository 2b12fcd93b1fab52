/** A Redis of the test's own, killed and stopped under a serving process. */
import { startRedis } from '#scripts/services/redis.ts'
import { describeLostLog } from './lost-log.ts'

describeLostLog('redis', async () => {
  const server = await startRedis({ fsync: 'always', settings: { 'maxmemory-policy': 'noeviction' } })
  return { server, address: server.url }
})
