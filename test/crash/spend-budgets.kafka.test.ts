/** Budgets at their edge on a real Kafka. */
import { randomUUID } from 'node:crypto'
import { describeSpending } from './spend-budgets.ts'

const module = new URL(import.meta.resolve('#test/infra/kafka/kafka-opener.ts')).href
const brokers = [process.env['LATTICE_TEST_KAFKA'] ?? '']
const namespace = `spend-${randomUUID().slice(0, 8)}`
describeSpending('kafka', () => ({ module, given: { brokers, namespace, partitions: 1 } }))
