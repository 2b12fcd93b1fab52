/** Budgets at their edge on a real Redis. */
import { randomUUID } from 'node:crypto'
import { describeSpending } from './spend-budgets.ts'

const module = new URL(import.meta.resolve('#test/infra/redis/redis-opener.ts')).href
const url = process.env['LATTICE_TEST_REDIS'] ?? ''
describeSpending('redis', () => ({ module, given: { url, namespace: `spend-${randomUUID().slice(0, 8)}` } }))
