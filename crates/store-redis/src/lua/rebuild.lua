-- Beginning and end of a rebuild, for the scripts that need them.

-- A generation differs from every earlier one also after Redis was emptied, for it is a time.
local function begin(lasts)
  books[GENERATION] = max(books[GENERATION] + 1, books[1])
  books[READY], books[DOUBTED] = 0, 0
  books[LOCKED] = books[1] + lasts
  -- Those whose leases ended in this call were read before.
  for _, s in pairs(subjects) do
    renew(s)
  end
end

local function finish()
  books[READY] = 1
  books[SEEDED] = books[1] + SLACK
  books[LOCKED] = 0
end
