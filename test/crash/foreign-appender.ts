/** Another daemon that appends numbered rows of its own to a shared file, until it is killed. Argument: the file. */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [path = ''] = process.argv.slice(2)
for (let number = 0; performance.now() < 60_000; number++) {
  const row = { schema: 'session.iterate.v1', daemon: 'gateway', session_id: `unified-rust-${number}`, number }
  appendFileSync(path, `${JSON.stringify({ ...row, prompt: 'é'.repeat(number % 3000) })}\n`)
  if (number === 0) console.log('at work')
  await sleep(1)
}
