-- touch
-- Notes a use, forwards only. The indexes go by the end of a session, which a use does not move.
--
-- ARGV     seen at, the hash of its token
-- Answers  1, or 0 where there is none

local seen, key = ARGV[1], session_key(ARGV[2])
local kept, ends, idle = seen_if_live(key, seen)
if not kept then
  return 0
end
if tonumber(seen) > tonumber(kept) then
  call('HSET', key, 's', seen)
  expire_at(key, expires_at(seen, ends, idle))
end
return 1
