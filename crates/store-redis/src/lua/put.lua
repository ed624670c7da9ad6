-- Adds use that was read from the ledger.
--
-- ARGV[2]   the generation it is for; whether to begin a new one whoever rebuilds, whether to be ready after
-- ARGV[3..] a subject with its length, then used requests, tokens and cost of minute, hour, day and month
-- Answers   the generation it was put into, or nothing where another one counts

local generation, first, last = read('<dBB', ARGV[2])
local names, used, keys = {}, {}, { BOOKS }
for i = 3, #ARGV do
  local numbers
  names[i], numbers = read('<Hc0', ARGV[i])
  used[i] = { read('<dddddddddddd', ARGV[i], numbers) }
  keys[i - 1] = BASE .. 's' .. names[i]
end
preload(keys)
-- A ledger takes its time to be read: `now` is when that began.
turn(first == 0)

if first == 1 then
  begin(0)
  generation = books[GENERATION]
end
if generation ~= books[GENERATION] or books[READY] == 1 then
  save()
  return ''
end
local given = { read('<ddddd', ARGV[1]) }
for i = 3, #ARGV do
  local s = subject(names[i])
  for window = 1, 4 do
    -- What was read of a window that ended since is of no use.
    if given[window + 1] == books[window + 1] then
      for unit = 1, 3 do
        local at = 7 * window - 4 + unit
        s[at] = s[at] + used[i][3 * window - 3 + unit]
      end
      s.changed = true
    end
  end
end
if last == 1 then
  finish()
end
save()
return write('<d', generation)
