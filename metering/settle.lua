-- Ends a link: the visitor's reads, now the reader's, are removed, and the alias says that nothing is left to do.
-- Left in place they would also go to the next reader who signs in on the same browser.
--
-- KEYS  aliases, meter.   ARGV  visitor (8-byte hash), link (as in link.lua). A newer link takes care of itself.

local SETTLED = '\1'
local aliases, meter, visitor, link = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local standing = redis.call('HGET', aliases, visitor)
if standing and string.sub(standing, 1, #link) == link then
  redis.call('HDEL', meter, visitor)
  redis.call('HSET', aliases, visitor, link .. SETTLED)
end
