-- What is kept under a name.
--
-- KEYS[1]  the common beginning of all keys of the cache
-- ARGV[1]  the name; for how long entries are kept, in milliseconds
-- Answers  the epoch, the entry or nothing, its age in milliseconds
--
-- The epoch is another one after each change; what was read before a change is not kept after it. An entry that
-- begins with '+' names the one that is meant; one that begins with '-' says that there was nothing in its epoch.

local call = redis.call
local base, name, lives = KEYS[1], ARGV[1], tonumber(ARGV[2])

local epoch = call('GET', base .. 'e')
if not epoch then
  epoch = next_epoch(0)
  call('SET', base .. 'e', epoch)
end
local entry = call('GET', base .. name)
if entry and entry:sub(1, 1) == '+' then
  name = entry:sub(2)
  entry = call('GET', base .. name)
elseif entry and entry:sub(1, 1) == '-' then
  if entry ~= '-' .. epoch then
    entry = false
  end
  lives = call('PTTL', base .. name)
end
if not entry then
  return { epoch, false, 0 }
end
return { epoch, entry, lives - call('PTTL', base .. name) }
