-- Replaces reservations by what was used.
--
-- ARGV[2]   1 where all of it is in the ledger now, else 0; the generation that was ready before it was put
--           there, where it was new to the ledger, else 0
-- ARGV[3..] requests: id, used (requests, tokens, cost), reserved at, and where it is in the ledger starts of
--           its windows and its subjects

local shipped, seen = read('<Bd', ARGV[2])
shipped = shipped == 1

local settled, keys = {}, { BOOKS }
for i = 3, #ARGV do
  local one = { used = {}, starts = {} }
  local rest
  one.id, one.used[1], one.used[2], one.used[3], one.at, rest = read('<c16dddd', ARGV[i])
  if shipped then
    one.starts[1], one.starts[2], one.starts[3], one.starts[4], rest = read('<dddd', ARGV[i], rest)
    one.subjects = ARGV[i]:sub(rest)
  end
  settled[i - 2] = one
  keys[i - 1] = BASE .. 'r' .. one.id
end
preload(keys)
turn()

local generation, ready = books[GENERATION], books[READY] == 1

-- A request that may be charged in the present generation and shipped much later is remembered as long as it
-- can be charged anew; of others the time of their reservation tells.
local function till(at, over)
  local soon = books[1] + SETTLED_FOR
  if ready and at >= books[SEEDED] then
    return soon
  end
  return max(soon, over)
end

local function end_known(one, r, in_ledger)
  free(one.id, r, one.used)
  put_ended(one.id, generation, in_ledger, 0, till(r.at, r.over))
end

-- The ledger that the counters stand on was read between begin and finish of their generation. Whether a
-- record was in it shows in what is known of the record:
--   appended when the generation was ready: it was not;
--   reserved when the generation was ready: it was not;
--   known to be in the ledger since an earlier generation: it was;
--   else nobody can tell, and the ledger is read once more.
local function settle_shipped(one)
  local r = request(one.id)
  local nothing = one.used[1] == 0 and one.used[2] == 0 and one.used[3] == 0
  local appended_later = ready and seen == generation
  local reserved_later = ready and one.at >= books[SEEDED]
  if r and r.state ~= 'T' then
    end_known(one, r, generation)
  elseif nothing or (r and r.shipped ~= NONE) then
    return
  else
    local charged, forgotten = r and r.charged or NONE, till(one.at, last_end())
    local missing = charged ~= generation
    if missing and reserved_later then
      return
    end
    if missing and appended_later then
      local places = present(one.starts)
      each_subject(one.subjects, function(s)
        charge(s, places, one.used)
      end)
      charged = generation
    end
    put_ended(one.id, charged, generation, r and r.void or 0, max(forgotten, r and r.till or 0))
  end
  if not (nothing or appended_later or reserved_later) then
    books[DOUBTED] = 1
  end
end

local names, known = {}, {}
local function want(packed)
  local at, name = 1, nil
  while at <= #packed do
    name, at = read('<Hc0', packed, at)
    if not known[name] then
      known[name] = true
      if not subjects[name] then
        names[#names + 1] = BASE .. 's' .. name
      end
    end
  end
end
for _, one in ipairs(settled) do
  local r = request(one.id)
  if r and r.state ~= 'T' then
    want(r.subjects)
  elseif shipped then
    want(one.subjects)
  end
end
preload(names)

for _, one in ipairs(settled) do
  if shipped then
    settle_shipped(one)
  else
    local r = request(one.id)
    if r and r.state ~= 'T' then
      end_known(one, r, NONE)
    end
  end
end
save()
return ''
