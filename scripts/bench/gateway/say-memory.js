// @ts-check
/** Preloaded into a serving process: SIGUSR2 collects all garbage and says `memory <heap bytes> <resident bytes>`. */
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.on('SIGUSR2', () => {
    globalThis.gc?.()
    const { heapUsed, external, rss } = process.memoryUsage()
    process.stdout.write(`memory ${heapUsed + external} ${rss}\n`)
  })
}
