-- remove
-- Ends a session.
--
-- ARGV     the hash of its token
-- Answers  how many there were

return remove(ARGV[1])
