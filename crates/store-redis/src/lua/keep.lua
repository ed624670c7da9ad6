-- Keeps what was read, unless something changed since.
--
-- KEYS[1]   the common beginning of all keys of the cache
-- ARGV[1]   the epoch when that began
-- ARGV[2..] name, entry, for how long in milliseconds; and so on

if redis.call('GET', KEYS[1] .. 'e') ~= ARGV[1] then
  return 0
end
for i = 2, #ARGV, 3 do
  redis.call('SET', KEYS[1] .. ARGV[i], ARGV[i + 1], 'PX', ARGV[i + 2])
end
return 1
