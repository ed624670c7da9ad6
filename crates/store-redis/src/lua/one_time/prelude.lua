-- What both scripts of one-time values begin with.
--
-- KEYS[1]  the common beginning of all keys, hash tag included
--
-- Times are microseconds, kept as text and compared as doubles, which are whole up to the year 2255.

local function keep(name, value, until_micros)
  redis.call('SET', KEYS[1] .. name, value, 'PXAT', goes_at(until_micros))
end
