-- insert
-- Keeps a new session.
--
-- ARGV     now, the hash of its token, record, seen at, ends at, idle time, three indexes
-- Answers  1, or 0 where there is one

local now, token_hash = ARGV[1], ARGV[2]
if seen_if_live(session_key(token_hash), now) then
  return 0
end
write(token_hash, now, ARGV[3], ARGV[4], ARGV[5], ARGV[6], { ARGV[7], ARGV[8], ARGV[9] })
return 1
