-- Gives a reservation back whole, or voids one that is still to come.
--
-- ARGV[2]  the request's id

local id = ARGV[2]
preload({ BOOKS, BASE .. 'r' .. id })
turn()

local r = request(id)
local till = books[1] + VOID_FOR
if r and r.state ~= 'T' then
  local counts = is_live(id, r) or r.over > books[1]
  free(id, r)
  put_ended(id, NONE, NONE, counts and 0 or till, till)
elseif r then
  put_ended(id, r.charged, r.shipped, till, max(till, r.till))
else
  put_ended(id, NONE, NONE, till, till)
end
save()
return ''
