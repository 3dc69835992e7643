-- The key's coin: the one that it got before, or the next, in one step.
--
-- The next coin is one of those that expire first; which of them, the places decide that the mint drew. Coins that have expired or whose key has been
-- retired stay where they are.
--
-- KEYS  1 coins  2 groups  3 taken (hash: hash of the idempotency key -> serial)  4 quota (the moment at which the whole quota is free, in microseconds)
-- ARGV  1 hash of the idempotency key  2 now, in Unix seconds  3 the lowest key version that counts  4 how the names of the waiting sets begin
--       5 the quota, in coins per minute
-- Answer: {"coin", record}, {"empty", ""} or {"quota", seconds to wait}.

local serial = redis.call('HGET', KEYS[3], ARGV[1])
if serial then
  return {'coin', redis.call('HGET', KEYS[1], serial) or ''}
end

local waiting
for _, group in ipairs(redis.call('ZRANGE', KEYS[2], '(' .. ARGV[2], '+inf', 'BYSCORE')) do
  if tonumber(group:match(':(%d+)$')) >= tonumber(ARGV[3]) and redis.call('EXISTS', ARGV[4] .. group) == 1 then
    waiting = ARGV[4] .. group
    break
  end
end
if not waiting then
  return {'empty', ''}
end

-- The generic cell rate algorithm (ITU-T I.371), by Redis' clock: one quota, however many servers hand out.
local minute = 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free_at = math.max(tonumber(redis.call('GET', KEYS[4]) or 0), now) + math.floor(minute / ARGV[5])
local over = free_at - now - minute
if over > 0 then
  return {'quota', math.ceil(over / 1000000)}
end
redis.call('SET', KEYS[4], string.format('%.0f', free_at), 'PX', 60000)

serial = redis.call('ZPOPMIN', waiting)[1]
redis.call('HSET', KEYS[3], ARGV[1], serial)
return {'coin', redis.call('HGET', KEYS[1], serial) or ''}
