-- Ends a link: the visitor's reads, now the reader's, are removed, and the alias says that nothing is left to do.
-- Left in place they would also go to the next reader who signs in on the same browser.
--
-- KEYS  aliases, then the meter's.   ARGV  visitor, link (as in link.lua), today.
-- A newer link takes care of itself.

local aliases, visitor, link, today = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local standing = redis.call('HGET', aliases, visitor)
if standing and string.sub(standing, 1, #link) == link then
  for index = 2, #KEYS do redis.call('HDEL', KEYS[index], visitor) end
  store_alias(aliases, visitor, link, SETTLED, today)
end
