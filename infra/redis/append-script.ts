/**
 * The append, as one script: contiguous ids, once per writer session (R6).
 *
 * A Redis script runs alone and to its end, so the next id is the stream's own last id + 1, and the writer's entry and
 * the records are written together. A writer has one batch outstanding a partition, numbered from 1: a number already
 * taken is answered with the old position, the next one is appended, any other is an error. The first write of the
 * script is the one that Redis refuses when memory or disk is out, so a refused script has written nothing.
 *
 * KEYS: the stream, the writer's entry. ARGV: the batch's number, the shortest length of the stream this process can
 * accept, seconds the entry lives, the packed records. Answers the id of the first record.
 */
import { createHash } from 'node:crypto'
import type { Script } from './redis-connection.ts'

const lua = `
local stream, entry = KEYS[1], KEYS[2]
local seq, shortest = tonumber(ARGV[1]), tonumber(ARGV[2])

local function last_generated()
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return tonumber(string.match(info[i + 1], '^%d+')) end
  end
end

local function last_id()
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  if last[1] then return tonumber(string.match(last[1][1], '^%d+')) end
  if redis.call('EXISTS', stream) == 0 then return nil end
  return last_generated()
end

local last = last_id()
if not last then return redis.error_reply('LATTICE GONE') end
if last < shortest then last = last_generated() end
if last < shortest then return redis.error_reply('LATTICE SHORT ' .. string.format('%.0f', last)) end

local written = redis.call('GET', entry)
if written then
  local taken, first = string.match(written, '^(%d+) (%d+)$')
  if tonumber(taken) == seq then return tonumber(first) end
  if tonumber(taken) ~= seq - 1 then return redis.error_reply('LATTICE SEQUENCE ' .. taken) end
elseif seq ~= 1 then
  return redis.error_reply('LATTICE EXPIRED')
end

local packed = ARGV[4]
local unpack, sub, format, call = struct.unpack, string.sub, string.format, redis.call

local first = last + 1
local function add_first()
  return redis.pcall('XADD', stream, format('%.0f-0', first), 'r', sub(packed, 5, 4 + unpack('>I4', packed)))
end
local reply = add_first()
if type(reply) == 'table' and reply.err and string.find(reply.err, 'equal or smaller', 1, true) then
  first = last_generated() + 1
  reply = add_first()
end
if type(reply) == 'table' and reply.err then return reply end

local whole = pcall(function()
  local id, at, size = first, 5 + unpack('>I4', packed), #packed
  while at <= size do
    local value = at + 4
    at = value + unpack('>I4', packed, at)
    id = id + 1
    call('XADD', stream, format('%.0f-0', id), 'r', sub(packed, value, at - 1))
  end
end)
if not whole then return redis.error_reply('LATTICE TORN') end
redis.call('SET', entry, string.format('%.0f %.0f', seq, first), 'EX', ARGV[3])
return first
`

export const appendScript: Script = { lua, sha: createHash('sha1').update(lua).digest('hex') }

/** What the script itself refuses with, after `LATTICE `. */
export type Refusal =
  | 'GONE' // the stream is missing
  | 'SHORT' // it is shorter than this process has seen it
  | 'SEQUENCE' // the writer's last batch is not the one before this
  | 'EXPIRED' // the server has forgotten this writer
  | 'TORN' // some records of the batch are written, the rest are not

export function refusalOf(error: unknown): Refusal | undefined {
  const message = error instanceof Error ? error.message : ''
  return /\bLATTICE (GONE|SHORT|SEQUENCE|EXPIRED|TORN)\b/.exec(message)?.[1] as Refusal | undefined
}
