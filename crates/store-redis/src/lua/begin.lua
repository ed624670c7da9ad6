-- Begins a rebuild, unless one is under way: settled use is forgotten, reservations are kept.
--
-- ARGV[2]  for how long nobody else may begin one
-- Answers  the new generation, or nothing

turn()
if books[LOCKED] > books[1] then
  save()
  return ''
end
begin(read('<d', ARGV[2]))
save()
return write('<d', books[GENERATION])
