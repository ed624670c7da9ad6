-- Puts back reservations of requests that still run.
--
-- ARGV[2]   how long their lease lasts from now on
-- ARGV[3..] id, reserved at, starts of its windows, the end of the last of them, estimate, subjects

local keys = { BOOKS }
for i = 3, #ARGV do
  keys[i - 1] = BASE .. 'r' .. ARGV[i]:sub(1, 16)
end
preload(keys)
turn()

local lasts = read('<d', ARGV[2])
for i = 3, #ARGV do
  local id = ARGV[i]:sub(1, 16)
  local r = request(id)
  if is_live(id, r) then
    lease(id, lasts)
  elseif not r or r.state == 'X' then
    if not r then
      local at, a, b, c, d, over, req, tok, cost, rest = read('<ddddddddd', ARGV[i], 17)
      r = { at = at, starts = { a, b, c, d }, over = over, estimate = { req, tok, cost } }
      r.subjects = ARGV[i]:sub(rest)
    end
    r.state = 'L'
    hold(r)
    put_request(id, r)
    lease(id, lasts)
  end
end
save()
return ''
