/**
 * The whole OpenAPI document under schemathesis, against a really serving process: no 5xx, and no answer that the
 * document does not name. `npm run schemathesis` does the same for longer.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

test('every operation answers as its document says, whatever it is asked', { timeout: 600_000 }, async () => {
  const { code, output } = await schemathesis('--max-examples', '8')
  expect(output).toMatch(/Selected: (\d+)\/\1\n\s*Tested: \1\n/)
  expect(output).toMatch(/Test cases:\n\s*(\d+) generated, \1 passed/)
  expect(code, output).toBe(0)
})

function schemathesis(...options: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((answer) => {
    const args = [join(root, 'scripts/schemathesis.ts'), ...options]
    const child = execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) =>
      answer({ code: child.exitCode, output: stdout + stderr }),
    )
  })
}
