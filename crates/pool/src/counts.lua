-- How many coins wait and are worth something now, and how many are out.
--
-- KEYS  1 groups  2 taken
-- ARGV  1 now, in Unix seconds  2 the lowest key version that counts  3 how the names of the waiting sets begin

local waiting = 0
for _, group in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. ARGV[1], '+inf', 'BYSCORE')) do
  if tonumber(group:match(':(%d+)$')) >= tonumber(ARGV[2]) then
    waiting = waiting + redis.call('ZCARD', ARGV[3] .. group)
  end
end
return {waiting, redis.call('HLEN', KEYS[2])}
