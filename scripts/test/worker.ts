/**
 * Loaded in each test worker: a worker whose runner is gone ends at once, and its servers with it.
 *
 * vitest replaces process.exit in its workers, so the worker kills itself.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
