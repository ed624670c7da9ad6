-- update
-- Replaces a session. One that was removed or is over does not come back.
--
-- ARGV     now, the hash of its token, record, seen at, ends at, idle time, three indexes
-- Answers  1, or 0 where there is none

local now, token_hash, seen = ARGV[1], ARGV[2], ARGV[4]
local kept = seen_if_live(session_key(token_hash), now)
if not kept then
  return 0
end
if tonumber(kept) > tonumber(seen) then
  seen = kept
end
write(token_hash, now, ARGV[3], seen, ARGV[5], ARGV[6], { ARGV[7], ARGV[8], ARGV[9] })
return 1
