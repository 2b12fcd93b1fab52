/**
 * The append, as one script: contiguous ids, once per writer session (R6).
 *
 * A Redis script runs alone and to its end, so the next id is the stream's own last id + 1, and the writer's entry and
 * the records are written together. Behind an entry that is not ours, or one deleted from the end, nothing is written: no
 * reader would get past it. A writer has one batch outstanding a partition, numbered from 1: a number already
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

-- Somebody else's entry at the very next id is a record nobody knows, and readers go past it.
local function is_next(id)
  local before = redis.call('XREVRANGE', stream, '(' .. id, '-', 'COUNT', 1)
  local expected = before[1] and tonumber(string.match(before[1][1], '^%d+')) or shortest
  return tonumber(string.match(id, '^%d+')) == expected + 1
end

local entries = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
local last
if entries[1] then
  local id, fields = entries[1][1], entries[1][2]
  last = tonumber(string.match(id, '^(%d+)-0$'))
  if not last or (fields[1] ~= 'r' and not is_next(id)) then return redis.error_reply('LATTICE FOREIGN ' .. id) end
elseif redis.call('EXISTS', stream) == 0 then
  return redis.error_reply('LATTICE GONE')
else
  last = last_generated()
end
local function cut_off() return redis.error_reply('LATTICE HOLE ' .. string.format('%.0f', last)) end
if last < shortest then
  if last_generated() > last then return cut_off() end
  return redis.error_reply('LATTICE SHORT ' .. string.format('%.0f', last))
end

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
local reply = redis.pcall('XADD', stream, format('%.0f-0', first), 'r', sub(packed, 5, 4 + unpack('>I4', packed)))
if type(reply) == 'table' and reply.err then
  if string.find(reply.err, 'equal or smaller', 1, true) then return cut_off() end
  return reply
end

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
  | 'HOLE' // entries are deleted from its end; the last that is left follows
  | 'FOREIGN' // its last entry, whose id follows, is no record of a log
  | 'SEQUENCE' // the writer's last batch is not the one before this
  | 'EXPIRED' // the server has forgotten this writer
  | 'TORN' // some records of the batch are written, the rest are not

export function refusalOf(error: unknown): { readonly refusal: Refusal; readonly about: string } | undefined {
  const message = error instanceof Error ? error.message : ''
  const [, refusal, about = ''] =
    /\bLATTICE (GONE|SHORT|HOLE|FOREIGN|SEQUENCE|EXPIRED|TORN)\b *([\d-]*)/.exec(message) ?? []
  return refusal === undefined ? undefined : { refusal: refusal as Refusal, about }
}
