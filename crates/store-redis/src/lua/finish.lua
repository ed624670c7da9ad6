-- Ends a rebuild.
--
-- ARGV[2]  its generation
-- Answers  'R' ready, 'A' read again, 'O' overtaken

turn()
local answer
if read('<d', ARGV[2]) ~= books[GENERATION] then
  answer = 'O'
elseif books[READY] == 1 then
  answer = 'R'
elseif books[DOUBTED] == 1 then
  -- What guards settled since is in the next reading or is shipped after it: only another generation can tell.
  books[LOCKED] = 0
  answer = 'A'
else
  finish()
  answer = 'R'
end
save()
return answer
