/**
 * `npm run schemathesis [-- <its options>…]`: schemathesis against a really serving process, with the built-in model and a
 * fake Ollama that answers to every name. Its Python environment is made on first use.
 *
 * Holds every answer against the OpenAPI document: no 5xx, no status, type or shape that is not documented, nor an event
 * of a stream. Not held: that what fits the schemas is accepted, because SQL has a grammar, a provider has to be
 * configured, and no text has a NUL; and that a run is gone after DELETE, because it is cancelled and stays.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { preparePython } from '#scripts/test/python.ts'
import { startServing } from '#test/crash/serving-process.ts'
import { startFakeOllama } from '#test/fakes/ollama-server.ts'

const python = await preparePython('schemathesis')
const folder = mkdtempSync(join(tmpdir(), 'lattice-schemathesis-'))
writeFileSync(join(folder, 'README.md'), '# Widgets\n\nWidgets are sorted by colour.\n')
// A bare name goes to Ollama; with nobody there 502 is the right answer, and would hide a wrong one.
const ollama = await startFakeOllama({ answer: 'forty-two' })
const env = { LATTICE_PROVIDER: 'lattice', OLLAMA_URL: ollama.url, LATTICE_LOG_LEVEL: 'error' }
const serving = await startServing({ folder, env })

const limits = [
  '--max-examples',
  '40',
  '--seed',
  '1',
  // Two threads parse Python at once, which fails now and then before 3.12 (python/cpython#106905).
  '--workers',
  '1',
  '--request-timeout',
  '10',
  // Most texts are no segment of a path, so it gives up on names of models.
  '--suppress-health-check',
  'filter_too_much',
  '--max-failures',
  '100',
]
const checks = ['--checks', 'all', '--exclude-checks', 'positive_data_acceptance,use_after_free']
const asked = process.argv.slice(2)
const args = ['run', `${serving.url}/openapi.json`, ...checks, ...limits, '--no-color', ...asked]
try {
  const child = spawn(python, ['-m', 'schemathesis.cli', ...args], { cwd: folder, stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
} finally {
  await serving.kill('SIGTERM')
  await ollama.close()
  const output = serving.output()
  if (/request\.failed/.test(output)) {
    process.stderr.write(output)
    process.exitCode = 1
  }
  rmSync(folder, { recursive: true, force: true })
}
