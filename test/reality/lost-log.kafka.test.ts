/** A Kafka of the test's own, killed and stopped under a serving process. */
import { startKafka } from '#scripts/services/kafka.ts'
import { describeLostLog } from './lost-log.ts'

describeLostLog('kafka', async () => {
  const server = await startKafka()
  return { server, address: `kafka://${server.brokers}` }
})
