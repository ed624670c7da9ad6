-- What both scripts of one-time values begin with.
--
-- KEYS[1]  the common beginning of all keys, hash tag included
--
-- Times are microseconds, kept as text and compared as doubles, which are whole up to the year 2255.

-- By how much the clocks of callers and of this server may differ: keys live so much longer, in milliseconds.
local SPARE = 3600 * 1000

local function keep(name, value, until_micros)
  local millis = math.min(math.ceil(tonumber(until_micros) / 1000), 2 ^ 52) + SPARE
  redis.call('SET', KEYS[1] .. name, value, 'PXAT', string.format('%.0f', millis))
end
