/**
 * Tests run as the product does: Node's own loader, types stripped, no bundler between a test and what it tests.
 *
 * CI tries a failed test once more, as its machines are shared and these tests kill and stop real servers; the report names
 * such a test (`retry x1`), and it is a defect all the same. By hand nothing is tried twice.
 *
 * Two workers, as the smallest machine has two cores. A test that talks to a real server may take its time; one that
 * needs more than this says so itself.
 */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    setupFiles: ['scripts/test/worker.ts'],
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    retry: process.env['CI'] === undefined ? 0 : 1,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    experimental: { viteModuleRunner: false },
  },
})
