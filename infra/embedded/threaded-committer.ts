/**
 * Commits in a thread of its own: a sync holds up the thread it happens in, and a server has better things to do with
 * its main one.
 *
 * Promise: a `Committer` like the one in the thread. The thread is started by the first commit; where it dies, what was under
 * way is `append.outcome-unknown` and the next commit starts another. It keeps the process alive only while it commits.
 */
import { Worker } from 'node:worker_threads'
import { Failure } from '#processors/ports/failure.ts'
import type { CommitThreadData, FromCommitThread, ToCommitThread } from './commit-messages.ts'
import type { Committer, PartitionFrames } from './frame-committer.ts'

export class ThreadedCommitter implements Committer {
  readonly #data: CommitThreadData
  #thread: Worker | undefined
  #underWay: { resolve: (bases: readonly number[]) => void; reject: (failure: Failure) => void } | undefined

  constructor(data: CommitThreadData) {
    this.#data = data
  }

  commit(partitions: readonly PartitionFrames[]): Promise<readonly number[]> {
    const thread = (this.#thread ??= this.#start())
    const copies = partitions.map(({ frames, ...of }) => ({
      ...of,
      frames: frames.map(({ first, count, bytes }) => ({ first, count, bytes: new Uint8Array(bytes) })),
    }))
    return new Promise((resolve, reject) => {
      this.#underWay = { resolve, reject }
      thread.ref()
      thread.postMessage(
        copies satisfies ToCommitThread,
        copies.flatMap(({ frames }) => frames.map(({ bytes }) => bytes.buffer)),
      )
    })
  }

  async close(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    this.#thread = undefined
    thread.ref()
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()))
    thread.postMessage('close' satisfies ToCommitThread)
    await ended
  }

  #start(): Worker {
    const thread = new Worker(new URL('./commit-thread.ts', import.meta.url), {
      workerData: this.#data,
      // It holds little: without a bound its young heap grows all the same.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    thread.on('message', (message: FromCommitThread) => {
      thread.unref()
      const underWay = this.#underWay
      this.#underWay = undefined
      if ('bases' in message) return underWay?.resolve(message.bases)
      const { code, message: text, remedy } = message.failure
      underWay?.reject(new Failure(code, text, { remedy }))
    })
    let cause: unknown
    thread.on('error', (error: unknown) => {
      cause = error
    })
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
      this.#underWay?.reject(
        new Failure('append.outcome-unknown', 'the thread that writes the log has died; the records may be written', {
          remedy: 'Send the same records again.',
          cause,
        }),
      )
      this.#underWay = undefined
    })
    return thread
  }
}
