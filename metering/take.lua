-- Looks at what lies of a subject where another number of buckets put it; changes nothing.
--
-- KEYS  aliases, marks of the window before (keys.py: seen), then the meter's one or two.
-- ARGV  subject (8-byte hash), head, over (reads.lua).
-- Returns the alias or '', the running reads with their head or '', 1 if the mark is there else 0.

local subject = ARGV[1]

local window = open_window({KEYS[3], KEYS[4]}, ARGV[2], ARGV[3])
local _, reads = running(window, subject)
if reads == window.head then reads = '' end
return {redis.call('HGET', KEYS[1], subject) or '', reads, redis.call('HEXISTS', KEYS[2], subject)}
