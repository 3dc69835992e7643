-- Puts coins of one expiry and one key version in, each once, tells the ledger of those that went in, and remembers how far their issuance is, in one step.
--
-- KEYS  1 coins (hash: serial -> record)  2 groups (sorted set: "<expires>:<version>" by expires)  3 issued (hash: issuance -> next index)
--       4 waiting (this group's sorted set of serials by place)  5 what the ledger has to log (stream)
-- ARGV  1 the group, "<expires>:<version>"  2 expires, in Unix seconds  3 issuance
--       4 how many coins may wait at most, or "" for any number  5 now, in Unix seconds  6 the lowest key version that counts
--       7 how the names of the waiting sets begin  then for each coin: index, serial, place, record, nullifier
-- Answer: how many went in, how many had gone in before, how many did not go in because enough wait.

local first = 8
local room = math.huge
if ARGV[4] ~= '' then
  room = tonumber(ARGV[4])
  for _, group in ipairs(redis.call('ZRANGE', KEYS[2], '(' .. ARGV[5], '+inf', 'BYSCORE')) do
    if tonumber(group:match(':(%d+)$')) >= tonumber(ARGV[6]) then
      room = room - redis.call('ZCARD', ARGV[7] .. group)
    end
  end
end

local serials = {}
for i = first, #ARGV, 5 do
  serials[#serials + 1] = ARGV[i + 1]
end
local there = redis.call('HMGET', KEYS[1], unpack(serials))

local fields, places, nullifiers, known, left, next_index = {}, {}, {}, 0, 0, 0
for n = 1, #serials do
  local i = first + (n - 1) * 5
  if there[n] then
    known = known + 1
  elseif room < 1 then
    left = left + 1
  else
    room = room - 1
    fields[#fields + 1] = ARGV[i + 1]
    fields[#fields + 1] = ARGV[i + 3]
    places[#places + 1] = ARGV[i + 2]
    places[#places + 1] = ARGV[i + 1]
    nullifiers[#nullifiers + 1] = ARGV[i + 4]
  end
  if left == 0 then
    next_index = ARGV[i] + 1
  end
end

if #fields > 0 then
  redis.call('XADD', KEYS[5], '*', 'coins', table.concat(nullifiers))
  redis.call('HSET', KEYS[1], unpack(fields))
  redis.call('ZADD', KEYS[4], unpack(places))
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
end
if next_index > tonumber(redis.call('HGET', KEYS[3], ARGV[3]) or 0) then
  redis.call('HSET', KEYS[3], ARGV[3], string.format('%d', next_index))
end
return {#fields / 2, known, left}
