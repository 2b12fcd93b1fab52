/**
 * `npm test [-- <filter>… -t <name>]`: runs the tests, with the real servers that the chosen files need.
 *
 * Promise: servers it starts are on loopback, on free ports, with data in a temporary folder, and are gone when it ends,
 * however it ends. A file whose server can't be had is named as not run; with LATTICE_TEST_REQUIRE=all that is a
 * failure. The last line is `N passed, N failed, N skipped`.
 */
import { globSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createVitest } from 'vitest/node'
import type { Server } from '#scripts/services/server.ts'
import { needs, needsOf, runsApart } from './needs.ts'
import { type NotRun, closingLine, collect, failed, keep, root } from './results.ts'

const { values, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { testNamePattern: { type: 'string', short: 't' } },
})

const found = globSync('test/**/*.test.ts', { cwd: root }).sort()
const named = found.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
const chosen = named.filter((file) => !runsApart(file, filters))
const temporary = await mkdtemp(join(tmpdir(), 'lattice-test-'))
const servers: Server[] = []

// Tests keep their own temporary folders in there too, so one removal leaves nothing behind.
process.env['TMPDIR'] = temporary
// vitest leaves at a signal without waiting: the servers' own exit hook has killed them when this runs.
process.on('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))

async function stopServers(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => void stopServers().finally(() => process.exit(code)))
}

const reasons = await startNeeded(new Set(chosen.flatMap(needsOf)))
const notRun: NotRun[] = chosen.flatMap((file) => {
  const reason = needsOf(file)
    .map((need) => reasons.get(need))
    .find((text) => text !== undefined)
  return reason === undefined ? [] : [{ file, reason }]
})
const absent = new Set(notRun.map(({ file }) => file))
const toRun = chosen.filter((file) => !absent.has(file))

let files = toRun.length === 0 ? [] : await run(toRun)
await stopServers()

for (const { file, reason } of notRun) console.log(`not run: ${file} (${reason})`)
if (process.env['LATTICE_TEST_REQUIRE'] === 'all') {
  files = [...files, ...notRun.map(({ file, reason }) => ({ file, tests: [failed(`must run, but: ${reason}`)] }))]
}
if (chosen.length === 0) console.log(`no test file has ${filters.join(' or ') || '.test.ts'} in its path`)
const { testNamePattern: pattern } = values
await keep({ finishedAt: new Date().toISOString(), filters, ...(pattern !== undefined && { pattern }), files, notRun })

const bad = chosen.length === 0 || files.some((file) => file.tests.some((test) => test.state === 'failed'))
// After the line nothing more may be printed: leave at once, with whatever a test left open.
process.stdout.write(`${closingLine(files)}\n`, () => process.exit(bad ? 1 : 0))

/** Starts the needs that can be met and sets their variables. Answers the reasons for the others. */
async function startNeeded(wanted: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const why = new Map<string, string>()
  await Promise.all(
    Object.entries(needs).map(async ([name, need]) => {
      if (!wanted.has(name) || process.env[need.variable] !== undefined) return
      const missing = need.missing()
      if (missing !== undefined) return void why.set(name, missing)
      try {
        const { server, address } = await need.start(join(temporary, name))
        if (server !== undefined) servers.push(server)
        process.env[need.variable] = address
        console.log(`${name}: ${address}`)
      } catch (error) {
        why.set(name, `${name} does not start: ${error instanceof Error ? error.message : String(error)}`)
      }
    }),
  )
  return why
}

async function run(selected: readonly string[]) {
  const vitest = await createVitest('test', {
    watch: false,
    root,
    ...(values.testNamePattern === undefined ? {} : { testNamePattern: values.testNamePattern }),
  })
  try {
    await vitest.start(selected.map((file) => join(root, file)))
    return collect({ testModules: vitest.state.getTestModules(), unhandledErrors: vitest.state.getUnhandledErrors() })
  } finally {
    await vitest.close()
  }
}
