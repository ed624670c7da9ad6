-- remove_all
-- Ends sessions that an index leads to, those first whose ends come first.
--
-- ARGV     the index, how many to look at
-- Answers  how many there were, how many were looked at

local index, at_once = ARGV[1], tonumber(ARGV[2])
local found = call('ZRANGE', BASE .. index, 0, at_once - 1)
local removed = 0
for _, token_hash in ipairs(found) do
  removed = removed + remove(token_hash)
  -- Of a session that Redis let go its entry is still here.
  call('ZREM', BASE .. index, token_hash)
end
return { removed, #found }
