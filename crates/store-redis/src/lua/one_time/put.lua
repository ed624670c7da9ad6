-- put
-- Keeps a value, and until when it may be taken.
--
-- ARGV     its name, until when, the value

keep(ARGV[1], ARGV[2] .. ':' .. ARGV[3], ARGV[2])
return 1
