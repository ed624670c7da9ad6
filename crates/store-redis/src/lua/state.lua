-- How far rules are used up.
--
-- ARGV[2]   rules, see `measure`
-- ARGV[3..] subjects

local keys = { BOOKS }
for i = 3, #ARGV do
  keys[i - 1] = BASE .. 's' .. ARGV[i]
end
preload(keys)
turn()
local measured = measure(ARGV[2], 3)
save()
return measured
