-- When Redis lets a key go of which a caller says, in microseconds, until when it is meant. It is only how they are
-- cleaned up: the clocks of callers and of this server may differ by an hour.

local SPARE = 3600 * 1000

local function goes_at(micros)
  local millis = math.min(math.ceil(tonumber(micros) / 1000), 2 ^ 52) + SPARE
  return string.format('%.0f', millis)
end
