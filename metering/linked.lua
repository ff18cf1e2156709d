-- Tells whether a visitor is linked to this reader with nothing left to do, and notes that the alias is in use.
--
-- KEYS  aliases.   ARGV  visitor, reader's hash (8 bytes), today (days of Unix time, wall).   Returns 1 or 0.

local aliases, visitor, reader, today = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local alias = redis.call('HGET', aliases, visitor)
if not alias or string.sub(alias, 1, 8) ~= reader or string.sub(alias, 17, 17) ~= SETTLED then return 0 end
note_use(aliases, visitor, alias, today)
return 1
