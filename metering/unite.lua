-- Adds a visitor's reads to a reader's, each article once; repeating it changes nothing.
--
-- KEYS  meter.   ARGV  reader (8-byte hash), reads (6 bytes each, all different), ttl (seconds).
-- The limit is not asked: what was read was read. The sum may exceed it; then the reader is merely out of room.

local ARTICLE_BYTES = 6
local meter, reader, others, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local before = redis.call('HGET', meter, reader) or ''
local held, added = {}, {before}
for at = 1, #before, ARTICLE_BYTES do
  held[string.sub(before, at, at + ARTICLE_BYTES - 1)] = true
end
for at = 1, #others, ARTICLE_BYTES do
  local article = string.sub(others, at, at + ARTICLE_BYTES - 1)
  if not held[article] then added[#added + 1] = article end
end
if #added > 1 then
  redis.call('HSET', meter, reader, table.concat(added))
  redis.call('EXPIRE', meter, ttl)
end
