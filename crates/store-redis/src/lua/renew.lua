-- Lets leases last longer.
--
-- ARGV[2]   how long from now on
-- ARGV[3..] ids
-- Answers   one byte for each id: '1' where it is live

turn()
local lasts = read('<d', ARGV[2])
local live = {}
for first = 3, #ARGV, 1000 do
  local last = min(first + 999, #ARGV)
  local ends = call('ZMSCORE', LEASES, unpack(ARGV, first, last))
  for i = first, last do
    local till = ends[i - first + 1]
    local r = requests[ARGV[i]]
    local ended = r and r.state ~= 'L'
    if till and not ended and tonumber(till) > books[1] then
      lease(ARGV[i], lasts)
      live[i - 2] = '1'
    else
      live[i - 2] = '0'
    end
  end
end
save()
return table.concat(live)
