/**
 * The thread behind `ThreadedCommitter`: a connection of its own to the log's file, and the same committer as elsewhere.
 */
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { Failure } from '#processors/ports/failure.ts'
import type { CommitThreadData, FromCommitThread, ToCommitThread } from './commit-messages.ts'
import { Doorbell } from './doorbell.ts'
import { FrameCommitter } from './frame-committer.ts'
import { LogFile } from './log-file.ts'
import { TurnTaking } from './turn-taking.ts'

const port = parentPort
if (port === null) throw new Error('this file runs as a thread')
const { folder, synced, busyPatienceMs } = workerData as CommitThreadData
const file = new LogFile(join(folder, 'log.sqlite'), { partitions: 1, synced })
const bell = new Doorbell(join(folder, 'log.bell'), () => {})
const committer = new FrameCommitter(file, { turns: new TurnTaking(join(folder, 'log.turn')), bell, busyPatienceMs })
const tell = (message: FromCommitThread): void => port.postMessage(message)

port.on('message', (message: ToCommitThread) => {
  if (message === 'close') {
    bell.close()
    file.close()
    port.close()
    return
  }
  committer.commit(message).then(
    (bases) => tell({ bases }),
    (error: unknown) => {
      const { code, message: text, remedy } = error instanceof Failure ? error : new Failure('internal', String(error))
      tell({ failure: { code, message: text, remedy } })
    },
  )
})
