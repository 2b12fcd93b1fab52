/**
 * A child process that works until it is killed: what a crash test is made of.
 *
 * The child is a TypeScript file that prints a line once it is at work and then goes on for ever. It is killed with
 * SIGKILL at a random moment after that line, and nothing but what it had committed may be there afterwards.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Runs `file` (as `import.meta.resolve` gives it) until it says it is at work, and `afterMs` more. */
export async function runAndKill(file: string, args: readonly string[], afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(file), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()))
  const ended = once(child, 'exit')
  const first = await Promise.race([once(child.stdout, 'data').then(() => 'at work'), ended.then(() => 'ended')])
  if (first === 'ended') throw new Error(`the child ended by itself: ${complaints}`)
  await Promise.race([sleep(afterMs), ended])
  if (child.exitCode !== null) throw new Error(`the child ended by itself: ${complaints}`)
  child.kill('SIGKILL')
  await ended
}

export function randomMs(limit: number): number {
  return Math.floor(Math.random() * limit)
}
