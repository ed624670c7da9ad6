-- Forgets what changed and what is being read, and tells who listens.
--
-- KEYS[1]   the common beginning of all keys of the cache
-- ARGV[1]   the channel, or nothing; what to say there
-- ARGV[3..] names

local base = KEYS[1]
redis.call('SET', base .. 'e', next_epoch(tonumber(redis.call('GET', base .. 'e') or 0)))
for i = 3, #ARGV do
  redis.call('DEL', base .. ARGV[i])
end
if ARGV[1] ~= '' then
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return 0
