/**
 * Stock clients for Python (`openai`, LangChain) against a really served Lattice. What they are held to stands beside
 * them, as unittest cases in `python/`.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientToken, openClientsWorld } from './clients.ts'
import type { ClientsWorld } from './clients.ts'

const cases = { clients_openai: 14, clients_langchain: 5 }

describe('stock clients for Python', () => {
  let world: ClientsWorld
  beforeAll(async () => {
    world = await openClientsWorld()
  }, 60_000)
  afterAll(() => world.close())

  test.each(Object.entries(cases))(
    '%s: all %i cases',
    async (module, count) => {
      const { code, output } = await unittest(module)
      expect(output).toContain(`Ran ${count} tests`)
      expect(code, output).toBe(0)
    },
    120_000,
  )

  test('the example of the README, as it stands there', async () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
    const [, example = ''] = /```python\n(.*?)```/s.exec(readme) ?? []
    expect(example).toContain('OpenAI()')
    const { code, output } = await python(['-c', example])
    expect(output).toMatch(/^Grüße aus Köln 🌍 [0-9a-f-]{36}\n$/)
    expect(code).toBe(0)
  }, 60_000)

  function unittest(module: string): Promise<{ code: number | null; output: string }> {
    return python(['-m', 'unittest', '-v', module])
  }

  function python(args: readonly string[]): Promise<{ code: number | null; output: string }> {
    const env = {
      PATH: process.env['PATH'] ?? '',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONIOENCODING: 'utf-8',
      LANGSMITH_TRACING: 'false',
      OPENAI_BASE_URL: world.baseUrl,
      OPENAI_API_KEY: clientToken,
      POOR_BASE_URL: world.poorBaseUrl,
      FAKE_URL: new URL(world.model.url).origin,
    }
    const interpreter = process.env['LATTICE_TEST_PYTHON'] ?? 'python3'
    const options = { cwd: join(import.meta.dirname, 'python'), env }
    return new Promise((resolve) => {
      const child = execFile(interpreter, args, options, (_, out, errors) =>
        resolve({ code: child.exitCode, output: out + errors }),
      )
    })
  }
})
