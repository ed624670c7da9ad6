-- first_use
-- Remembers an id.
--
-- ARGV     its name, until when, now
-- Answers  1 for whoever is first, else 0

local kept = redis.call('GET', KEYS[1] .. ARGV[1])
if kept and tonumber(ARGV[3]) < tonumber(kept) then
  return 0
end
keep(ARGV[1], ARGV[2], ARGV[2])
return 1
