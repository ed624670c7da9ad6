-- What every script of admission begins with: the books as Lua tables, read at most once and written at the end.
--
-- KEYS[1]  the common beginning of all keys, hash tag included
-- ARGV[1]  now, then starts and ends of its minute, hour, day and month: nine numbers
--
-- Times are microseconds, all numbers doubles: whole up to 2^53. A value that is kept is packed by `struct`,
-- little end first, in the layouts below.

local call, read, write = redis.call, struct.unpack, struct.pack
local ceil, max, min = math.ceil, math.max, math.min

local BASE = KEYS[1]
local BOOKS, LEASES = BASE .. 'b', BASE .. 'l'

local SECOND = 1000000
local HOUR = 3600 * SECOND
-- Gateways read their clocks before they ask, so a moment may be a little older than the one before. What is
-- older than this comes from a clock that was set back.
local OUT_OF_STEP = 60 * SECOND
-- How long a settled request is remembered at least, so that nobody puts it back: gateways do so within seconds.
-- And for how long a release voids a reserve, as the port promises.
local SETTLED_FOR, VOID_FOR = 600 * SECOND, HOUR
-- How much longer than it is needed a value is kept: no request runs longer past the end of its month.
local SPARE = 48 * HOUR
local LONGEST = 62 * 24 * HOUR
-- What was reserved so soon after a rebuild may have been reserved elsewhere: clocks of gateways differ by less,
-- and by then each knows that the counters are ready.
local SLACK = 10 * SECOND
-- So many leases end in one call at most, that no other call waits long.
local LEASES_AT_ONCE = 256
local NONE = -1
local NEVER = 2 ^ 60

-- The books: the present moment (1), starts (2 to 5) and ends (6 to 9) of its windows, and
local GENERATION, READY, SEEDED, DOUBTED, LOCKED, NEXT_LEASE = 10, 11, 12, 13, 14, 15
local BOOKS_LAYOUT = '<ddddddddddddddd'

-- A subject: the generation of `used` (1), in flight (2), and for each window from 3, 10, 17 and 24 on: its
-- start, used requests, tokens and cost, reserved requests, tokens and cost.
local SUBJECT_LAYOUT = '<dddddddddddddddddddddddddddddd'

-- A request that runs ('L', its lease stands in the sorted set) or whose lease ran out ('X'): reserved at,
-- starts of its windows, the end of the last of them, estimate, subjects (each with its length).
-- One that has ended ('T'): the generation it was charged in, the generation in which it was known to be in
-- the ledger, until when a reserve is void, until when all this is remembered.
local RUNNING_LAYOUT, ENDED_LAYOUT = '<c1ddddddddd', '<c1dddd'

local books
local raw, subjects, requests = {}, {}, {}
local ended_leases, new_leases = {}, {}

local function preload(keys)
  for first = 1, #keys, 1000 do
    local last = min(first + 999, #keys)
    local values = call('MGET', unpack(keys, first, last))
    for i = first, last do
      raw[keys[i]] = values[i - first + 1]
    end
  end
end

local function value(key)
  local found = raw[key]
  if found == nil then
    found = call('GET', key)
    raw[key] = found
  end
  return found
end

local function keep(key, packed, till)
  local seconds = ceil((min(till - books[1], LONGEST) + SPARE) / SECOND)
  call('SET', key, packed, 'EX', max(seconds, 60))
end

local function last_end()
  return max(books[6], books[7], books[8], books[9])
end

-- Forgets what was used in another generation, and whatever is of other windows.
local function renew(s)
  local stale = s[1] ~= books[GENERATION]
  s[1] = books[GENERATION]
  for window = 1, 4 do
    local at, start = 7 * window - 4, books[window + 1]
    if s[at] ~= start then
      s[at] = start
      for i = at + 1, at + 6 do
        s[i] = 0
      end
    elseif stale then
      s[at + 1], s[at + 2], s[at + 3] = 0, 0, 0
    end
  end
end

-- A subject as of now.
local function subject(name)
  local s = subjects[name]
  if s then
    return s
  end
  local packed = value(BASE .. 's' .. name)
  s = packed and { read(SUBJECT_LAYOUT, packed) } or { 0, 0 }
  s.same_month = s[24] == books[5]
  renew(s)
  subjects[name] = s
  return s
end

local function request(id)
  local r = requests[id]
  if r ~= nil then
    return r
  end
  local packed = value(BASE .. 'r' .. id)
  r = false
  if packed then
    local state = packed:sub(1, 1)
    if state == 'T' then
      local _, charged, shipped, void, till = read(ENDED_LAYOUT, packed)
      if till > books[1] then
        r = { state = state, charged = charged, shipped = shipped, void = void, till = till }
      end
    else
      local _, at, a, b, c, d, over, req, tok, cost, rest = read(RUNNING_LAYOUT, packed)
      r = { state = state, at = at, starts = { a, b, c, d }, over = over, estimate = { req, tok, cost } }
      r.subjects = packed:sub(rest)
    end
  end
  requests[id] = r
  return r
end

local function put_request(id, r)
  r.changed = true
  requests[id] = r
end

local function each_subject(names, visit)
  local at, name = 1, nil
  while at <= #names do
    name, at = read('<Hc0', names, at)
    visit(subject(name))
  end
end

-- Those of the windows that are present, as places of their `used` in a subject.
local function present(starts)
  local places = {}
  for window = 1, 4 do
    if starts[window] == books[window + 1] then
      places[#places + 1] = 7 * window - 3
    end
  end
  return places
end

-- Adds an estimate to what is reserved.
local function hold(r)
  local places, req, tok, cost = present(r.starts), r.estimate[1], r.estimate[2], r.estimate[3]
  each_subject(r.subjects, function(s)
    s[2] = s[2] + 1
    for i = 1, #places do
      local at = places[i] + 3
      s[at], s[at + 1], s[at + 2] = s[at] + req, s[at + 1] + tok, s[at + 2] + cost
    end
    s.changed = true
  end)
end

local function less(held, by)
  return held > by and held - by or 0
end

-- Takes an estimate back.
local function give_back(s, places, estimate)
  s[2] = less(s[2], 1)
  local req, tok, cost = estimate[1], estimate[2], estimate[3]
  for i = 1, #places do
    local at = places[i] + 3
    s[at], s[at + 1], s[at + 2] = less(s[at], req), less(s[at + 1], tok), less(s[at + 2], cost)
  end
  s.changed = true
end

-- Adds to what was used.
local function charge(s, places, used)
  local req, tok, cost = used[1], used[2], used[3]
  for i = 1, #places do
    local at = places[i]
    s[at], s[at + 1], s[at + 2] = s[at] + req, s[at + 1] + tok, s[at + 2] + cost
  end
  s.changed = true
end

-- Ends a reservation: what was used, where something was, takes its place.
local function free(id, r, used)
  local places, live = present(r.starts), r.state == 'L'
  each_subject(r.subjects, function(s)
    if live then
      give_back(s, places, r.estimate)
    end
    if used then
      charge(s, places, used)
    end
  end)
  if live then
    ended_leases[#ended_leases + 1] = id
  end
end

-- Its lease ran out: it holds nothing back any more, but what it used is still charged.
local function lapse(id, r)
  free(id, r)
  r.state = 'X'
  put_request(id, r)
end

local function lease(id, lasts)
  local till = books[1] + lasts
  new_leases[#new_leases + 1] = till
  new_leases[#new_leases + 1] = id
  books[NEXT_LEASE] = min(books[NEXT_LEASE], till)
end

local function end_leases()
  local first = call('ZRANGE', LEASES, 0, LEASES_AT_ONCE, 'WITHSCORES')
  local due, keys = {}, {}
  books[NEXT_LEASE] = NEVER
  for i = 1, #first, 2 do
    local till = tonumber(first[i + 1])
    if till <= books[1] and #due < LEASES_AT_ONCE then
      due[#due + 1] = first[i]
      keys[#keys + 1] = BASE .. 'r' .. first[i]
    else
      books[NEXT_LEASE] = till
      break
    end
  end
  preload(keys)
  for _, id in ipairs(due) do
    local r = request(id)
    if r and r.state == 'L' then
      lapse(id, r)
    else
      ended_leases[#ended_leases + 1] = id
    end
  end
end

-- Makes `now` the present: windows turn, leases end. `of_old`: an older moment says nothing of the clock.
local function turn(of_old)
  local given = { read('<ddddddddd', ARGV[1]) }
  local packed = value(BOOKS)
  if packed then
    books = { read(BOOKS_LAYOUT, packed) }
  else
    books = { given[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NEVER }
  end
  local back = books[1] - given[1]
  if back <= 0 or (back > OUT_OF_STEP and not of_old) then
    if back > OUT_OF_STEP then
      -- What windows of the future held is forgotten as they are left.
      books[DOUBTED] = 1
    end
    books.turned = books[2] ~= given[2]
    for i = 1, 9 do
      books[i] = given[i]
    end
  end
  if books[NEXT_LEASE] <= books[1] then
    end_leases()
  end
end

-- Whether the request runs and its lease has not ended, be it that this is not noted yet.
local function is_live(id, r)
  if not r or r.state ~= 'L' then
    return false
  end
  local till = call('ZSCORE', LEASES, id)
  if till and tonumber(till) > books[1] then
    return true
  end
  lapse(id, r)
  return false
end

local function put_ended(id, charged, shipped, void, till)
  put_request(id, { state = 'T', charged = charged, shipped = shipped, void = void, till = till })
end

local function save_request(id, r)
  local key = BASE .. 'r' .. id
  if r.state == 'T' then
    keep(key, write(ENDED_LAYOUT, 'T', r.charged, r.shipped, r.void, r.till), r.till - SPARE)
    return
  end
  local s, e = r.starts, r.estimate
  local packed = write(RUNNING_LAYOUT, r.state, r.at, s[1], s[2], s[3], s[4], r.over, e[1], e[2], e[3])
  keep(key, packed .. r.subjects, max(r.over, books[1]))
end

-- Writes what was changed. The books come first: where Redis has no memory left it refuses this write, and
-- nothing is half done.
local function save()
  call('SET', BOOKS, write(BOOKS_LAYOUT, unpack(books, 1, 15)))
  for name, s in pairs(subjects) do
    if s.changed then
      local packed = write(SUBJECT_LAYOUT, unpack(s, 1, 30))
      if s.same_month then
        -- Keeps the time it is kept.
        call('SETRANGE', BASE .. 's' .. name, 0, packed)
      else
        keep(BASE .. 's' .. name, packed, last_end())
      end
    end
  end
  for id, r in pairs(requests) do
    if r and r.changed then
      save_request(id, r)
    end
  end
  for first = 1, #ended_leases, 1000 do
    call('ZREM', LEASES, unpack(ended_leases, first, min(first + 999, #ended_leases)))
  end
  for first = 1, #new_leases, 1000 do
    call('ZADD', LEASES, unpack(new_leases, first, min(first + 999, #new_leases)))
  end
  if books.turned or #new_leases > 0 then
    call('PEXPIRE', LEASES, LONGEST / 1000)
  end
end

-- What rules are used up by: ends of the present windows, then for each rule used, reserved, and 1 where the
-- request does not fit. A rule is the number of its subject among the arguments from `first` on, where its
-- count stands in a subject (2: in flight), its amount, and what is asked of it.
local function measure(rules, first)
  local parts, full, at = { write('<dddd', books[6], books[7], books[8], books[9]) }, false, 1
  while at <= #rules do
    local which, place, amount, asked
    which, place, amount, asked, at = read('<HBdd', rules, at)
    local s, used, reserved = subject(ARGV[first + which]), 0, nil
    if place == 2 then
      reserved = s[2]
    else
      used, reserved = max(s[place], 0), s[place + 3]
    end
    -- Not the sum of three: near 2^53 it would be rounded down to the amount.
    local over = asked > amount - used - reserved
    full = full or over
    parts[#parts + 1] = write('<ddB', used, reserved, over and 1 or 0)
  end
  return table.concat(parts), full
end
