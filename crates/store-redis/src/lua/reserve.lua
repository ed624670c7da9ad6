-- Reserves an estimate on all subjects, or on none.
--
-- ARGV[2]   the request's id
-- ARGV[3]   reserved at, lease, estimate (requests, tokens, cost), how many of the subjects are charged
-- ARGV[4]   rules, see `measure`
-- ARGV[5..] subjects: those that are charged, then others that rules name
-- Answers   'U' unready, 'V' void, 'R' refused or 'G' granted and what `measure` says

local id = ARGV[2]
local keys = { BOOKS, BASE .. 'r' .. id }
for i = 5, #ARGV do
  keys[i - 2] = BASE .. 's' .. ARGV[i]
end
preload(keys)
turn()

if books[READY] == 0 then
  save()
  return 'U'
end
local r = request(id)
if r and r.state == 'T' and r.void > books[1] then
  r.void = 0
  put_request(id, r)
  save()
  return 'V'
end

local answer = 'G'
if not is_live(id, r) then
  local at, lasts, req, tok, cost, charged = read('<dddddH', ARGV[3])
  local measured, full = measure(ARGV[4], 5)
  if full then
    save()
    return 'R' .. measured
  end
  local names = {}
  for i = 1, charged do
    names[i] = write('<Hc0', #ARGV[4 + i], ARGV[4 + i])
  end
  local starts = { books[2], books[3], books[4], books[5] }
  r = { state = 'L', at = at, starts = starts, over = last_end(), estimate = { req, tok, cost } }
  r.subjects = table.concat(names)
  hold(r)
  put_request(id, r)
  lease(id, lasts)
end
save()
return 'G' .. measure(ARGV[4], 5)
