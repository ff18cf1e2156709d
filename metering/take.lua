-- Looks at what lies of a subject where another number of buckets put it; changes nothing.
--
-- KEYS  marks of this window, of the one before, aliases, then the meter's one or two.
-- ARGV  subject, head, over (reads.lua), mark.
-- Returns the alias or '', the running reads with their head or '', and for each window 1 if its mark is there, else 0.

local subject = ARGV[1]

local window = open_window({KEYS[4], KEYS[5]}, ARGV[2], ARGV[3])
local _, reads = running(window, subject)
if reads == window.head then reads = '' end
return {
  redis.call('HGET', KEYS[3], subject) or '', reads,
  redis.call('SISMEMBER', KEYS[1], ARGV[4]), redis.call('SISMEMBER', KEYS[2], ARGV[4]),
}
