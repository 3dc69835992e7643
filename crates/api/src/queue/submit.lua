-- Puts a vote into the stream, unless its coin has a counted vote already or too many wait, in one step.
--
-- KEYS  1 the stream  2 the coin's counted vote
-- ARGV  1 how many votes may wait  2 the coin's token  3 the vote
-- Answer: {"counted", the vote that is}, {"queued", the entry's id}, {"full"}, or {"closed"} when no ledger has made the stream yet: it alone knows at
-- which id the stream goes on, and a vote under a smaller one would never be read.

local counted = redis.call('GET', KEYS[2])
if counted then
  return {'counted', counted}
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return {'full'}
end
local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'token', ARGV[2], 'weights', ARGV[3])
if not id then
  return {'closed'}
end
return {'queued', id}
