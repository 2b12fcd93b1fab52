/**
 * Tests run as the product does: Node's own loader, types stripped, no bundler between a test and what it tests.
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
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    experimental: { viteModuleRunner: false },
  },
})
