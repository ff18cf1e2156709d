-- Adds a visitor's reads to a reader's, each article once; repeating it changes nothing.
--
-- KEYS  the meter's one or two.   ARGV  reader, reads (with their head, all different), ttl, head, over.
-- The limit is not asked: what was read was read. The sum may exceed it; then the reader is merely out of room.
-- A reader's running window stands as it is, so what `resets_at` told them stays true; a reader without one takes the
-- visitor's over, begun when it was.

local reader, others, ttl = ARGV[1], ARGV[2], ARGV[3]
local window = open_window({KEYS[1], KEYS[2]}, ARGV[4], ARGV[5])
local key, before = running(window, reader)
if before == window.head then before = string.sub(others, 1, #window.head) end

local added = {before}
for at = #window.head + 1, #others, ARTICLE_BYTES do
  local article = string.sub(others, at, at + ARTICLE_BYTES - 1)
  if not holds(window, before, article) then added[#added + 1] = article end
end
if #added > 1 then store(window, key, reader, table.concat(added), ttl) end
