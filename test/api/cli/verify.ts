/** `lattice verify` and what a user does next, from the command line, on a log that is given by settings. */
import { expect, test } from 'vitest'
import { keyless, lattice, makeFolder, removeFolder } from './cli-process.ts'

export function describeVerify(log: Readonly<Record<string, string>>): void {
  test('a task goes through every store, and a rebuilt store is equal', { timeout: 120_000 }, async () => {
    const folder = makeFolder()
    const env = { ...keyless, ...log }
    expect(await lattice(['verify'], { folder, env })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^(✓ .*\n){4}$/),
    })
    expect(await lattice(['run', 'What does Tidewater keep?'], { folder, env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('lighthouse log'),
    })
    expect(await lattice(['store', 'rebuild', 'lookup'], { folder, env })).toMatchObject({ code: 0 })
    expect(await lattice(['store', 'diff', 'lookup'], { folder, env })).toMatchObject({ code: 0 })
    removeFolder(folder)
  })
}
