-- Points a visitor at a reader, and hands back the visitor's own reads, still to be united with the reader's.
--
-- KEYS  aliases, meter.   ARGV  visitor (8-byte hash), link (reader's hash, linked_at in wall microseconds: 8 bytes each).
-- Returns the reads, 6 bytes each; none for a link older than the standing one, which changes nothing: the newest link
-- wins, whatever the order of arrival. From here on the visitor's own reads no longer grow, because admit.lua follows
-- the alias in the same atomic step that would have added one. The alias stays `waiting` until settle.lua has run.

local SETTLED, WAITING = '\1', '\0'
local aliases, meter, visitor, link = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local standing = redis.call('HGET', aliases, visitor)
if standing and struct.unpack('>i8', standing, 9) > struct.unpack('>i8', link, 9) then return '' end

local reads = redis.call('HGET', meter, visitor) or ''
redis.call('HSET', aliases, visitor, link .. (reads == '' and SETTLED or WAITING))
return reads
