/**
 * What a test file needs, by its suffix: `x.kafka.test.ts` a real Kafka, `x.redis.test.ts` a real Redis,
 * `x.python.test.ts` a Python with stock clients, `x.schemathesis.test.ts` one with schemathesis, and so on.
 *
 * `missing()` says in words why a need can't be met on this machine, so a test that does not run says why.
 */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { startKafka } from '#scripts/services/kafka.ts'
import { startPhoenix } from '#scripts/services/phoenix.ts'
import { startRedis } from '#scripts/services/redis.ts'
import { startRegistry } from '#scripts/services/registry.ts'
import type { Server } from '#scripts/services/server.ts'
import { preparePython } from './python.ts'

export interface Need {
  /** The variable that tells tests where it is. Set by the caller, nothing is started. */
  readonly variable: string
  readonly missing: () => string | undefined
  /** Takes so long to be had that its tests run where a filter names it, and not with the others. */
  readonly apart?: true
  /** Without a server where what is needed is no process. */
  readonly start: (dataDir: string) => Promise<{ readonly server?: Server; readonly address: string }>
}

export const needs: Readonly<Record<string, Need>> = {
  redis: {
    variable: 'LATTICE_TEST_REDIS',
    missing: () => withoutProgram('redis-server'),
    start: async (dataDir) => {
      const server = await startRedis({ dataDir })
      return { server, address: server.url }
    },
  },
  kafka: {
    variable: 'LATTICE_TEST_KAFKA',
    missing: () => withoutProgram('java') ?? withoutProgram('mvn'),
    start: async (dataDir) => {
      const server = await startKafka({ dataDir })
      return { server, address: server.brokers }
    },
  },
  phoenix: {
    variable: 'LATTICE_TEST_PHOENIX',
    apart: true,
    missing: () => withoutProgram('python3'),
    start: async (dataDir) => {
      const server = await startPhoenix({ dataDir })
      return { server, address: server.url }
    },
  },
  registry: {
    variable: 'LATTICE_TEST_REGISTRY',
    missing: () => withoutProgram('java') ?? withoutProgram('mvn'),
    start: async (dataDir) => {
      const server = await startRegistry({ dataDir })
      return { server, address: server.url }
    },
  },
  python: {
    variable: 'LATTICE_TEST_PYTHON',
    missing: () => withoutProgram('python3'),
    start: async () => ({ address: await preparePython('clients') }),
  },
  schemathesis: {
    variable: 'LATTICE_TEST_SCHEMATHESIS',
    missing: () => withoutProgram('python3'),
    start: async () => ({ address: await preparePython('schemathesis') }),
  },
}

/** Whether a file runs only where it is named, as by `.phoenix.`. */
export function runsApart(file: string, filters: readonly string[]): boolean {
  return needsOf(file).some((name) => needs[name]?.apart === true && !filters.some((one) => one.includes(name)))
}

/** The needs in a file's name: `log.kafka.registry.test.ts` has two. */
export function needsOf(file: string): readonly string[] {
  const parts = file.slice(file.lastIndexOf('/') + 1).split('.')
  return parts.slice(1, -2).filter((part) => part in needs)
}

function withoutProgram(name: string): string | undefined {
  const found = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))
  return found ? undefined : `no ${name} on this machine`
}
