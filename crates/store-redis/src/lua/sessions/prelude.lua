-- What every script of sessions begins with.
--
-- KEYS[1]  the common beginning of all keys, hash tag included
--
-- A session is a hash under 's' and the hash of its token: d, the record; s, e, n: seen at, ends at, idle time; and
-- u, l, i: the names of the indexes that lead to it, or nothing. An index is a sorted set of hashes of tokens by their
-- ends. Times are microseconds, kept as text and compared as doubles, which are whole up to the year 2255.

local call = redis.call
local BASE = KEYS[1]

local function session_key(token_hash)
  return BASE .. 's' .. token_hash
end

local function expire_at(key, micros)
  call('PEXPIREAT', key, goes_at(micros))
end

local function expires_at(seen, ends, idle)
  return math.min(tonumber(ends), tonumber(seen) + tonumber(idle))
end

-- When a session that is not over was last used; nothing where there is none.
local function seen_if_live(key, now)
  local times = call('HMGET', key, 's', 'e', 'n')
  if times[1] and tonumber(now) < expires_at(times[1], times[2], times[3]) then
    return times[1], times[2], times[3]
  end
end

local function unlink(token_hash, indexes)
  for _, index in ipairs(indexes) do
    if index and index ~= '' then
      call('ZREM', BASE .. index, token_hash)
    end
  end
end

-- Removes a session and what leads to it; answers how many there were.
local function remove(token_hash)
  local key = session_key(token_hash)
  unlink(token_hash, call('HMGET', key, 'u', 'l', 'i'))
  return call('DEL', key)
end

-- Keeps a session in the place of whatever was there. What may be refused for want of memory comes first: then
-- nothing has changed.
local function write(token_hash, now, record, seen, ends, idle, indexes)
  local key = session_key(token_hash)
  local before = call('HMGET', key, 'u', 'l', 'i')
  call('HSET', key, 'd', record, 's', seen, 'e', ends, 'n', idle, 'u', indexes[1], 'l', indexes[2], 'i', indexes[3])
  expire_at(key, expires_at(seen, ends, idle))
  unlink(token_hash, before)
  for _, index in ipairs(indexes) do
    if index ~= '' then
      local name = BASE .. index
      -- Here they are trimmed; an index that nobody adds to goes with the last of its sessions.
      call('ZREMRANGEBYSCORE', name, '-inf', now)
      call('ZADD', name, ends, token_hash)
      expire_at(name, tonumber(call('ZREVRANGE', name, 0, 0, 'WITHSCORES')[2]))
    end
  end
end
