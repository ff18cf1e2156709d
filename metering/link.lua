-- Points a visitor at a reader, and hands back the visitor's own running reads, still to be united with the reader's.
--
-- KEYS  aliases, then the meter's one or two.
-- ARGV  visitor, link (reader's hash, linked_at in wall microseconds: 8 bytes each), head, over (reads.lua),
--       today (days of Unix time, wall).
-- Returns the reads with their head; none for a link older than the standing one, which changes nothing: the newest
-- link wins, whatever the order of arrival. From here on the visitor's own reads no longer grow, because admit.lua
-- follows the alias in the same atomic step that would have added one. The alias stays `waiting` until settle.lua has run.

local aliases, visitor, link, today = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[5])

local standing = redis.call('HGET', aliases, visitor)
if standing and struct.unpack('>i8', standing, 9) > struct.unpack('>i8', link, 9) then return '' end

local window = open_window({KEYS[2], KEYS[3]}, ARGV[3], ARGV[4])
local _, reads = running(window, visitor)
if reads == window.head then reads = '' end
sweep(aliases, today)
store_alias(aliases, visitor, link, reads == '' and SETTLED or WAITING, today)
return reads
