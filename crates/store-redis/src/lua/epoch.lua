-- An epoch that never was before, also after Redis was emptied: it is a time.
local function next_epoch(last)
  local now = redis.call('TIME')
  return string.format('%.0f', math.max(last + 1, now[1] * 1000000 + now[2]))
end
