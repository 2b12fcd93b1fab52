/**
 * What a worker does to its own entries of a consumer group, each as one script: so that it never takes back what
 * another worker has taken over meanwhile, and never drops a consumer that still holds something.
 */
import { createHash } from 'node:crypto'
import type { Script } from './redis-connection.ts'

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/** KEYS: stream. ARGV: group, consumer, ids. Renews those still this consumer's; answers the others. */
export const renewScript = script(`
local lost = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
  else
    lost[#lost + 1] = id
  end
end
return lost
`)

/** KEYS: stream. ARGV: group, consumer. Hands all it holds to whoever claims next, and removes the consumer. */
export const releaseScript = script(`
local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000, ARGV[2])
for i = 1, #held do
  redis.call('XCLAIM', KEYS[1], ARGV[1], 'released', 0, held[i][1], 'IDLE', 86400000, 'JUSTID')
end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return #held
`)

/** KEYS: stream. ARGV: group, consumer. Removes a consumer that holds nothing. */
export const retireScript = script(`
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return 0
`)
