-- What every script knows of packed reads; it stands before each of them (connections.py).
--
-- A value is `head .. articles`, 6 bytes for each article in the order read. A calendar's window is named by its key and
-- its values have no head. A rolling window begins with the subject's own first read: that instant is the head (4 bytes,
-- seconds of Unix time), and the value lies in the key of the epoch it was begun in, the present one or the one before.

local ARTICLE_BYTES = 6

-- Returns the window that `keys` (newest first) hold. `head` is what a value begun now begins with, '' for a calendar's;
-- a value begun at `over` (seconds) or earlier has ended.
local function open_window(keys, head, over)
  return {keys = keys, head = head, over = tonumber(over)}
end

-- Returns the key of the subject's running reads, and those; where none are running, the newest key and a bare head.
local function running(window, subject)
  for _, key in ipairs(window.keys) do
    local value = redis.call('HGET', key, subject)
    if value and (window.head == '' or struct.unpack('>I4', value) > window.over) then return key, value end
  end
  return window.keys[1], window.head
end

local function count(window, reads)
  return (#reads - #window.head) / ARTICLE_BYTES
end

-- Stores the reads. The key of the epoch before is not kept longer: it was to outlive all that was begun in it.
local function store(window, key, subject, reads, ttl)
  redis.call('HSET', key, subject, reads)
  if key == window.keys[1] then redis.call('EXPIRE', key, ttl) end
end

local function holds(window, reads, article)
  local at = string.find(reads, article, #window.head + 1, true)
  while at do
    -- A match across two neighbours' bytes is no article.
    if (at - #window.head) % ARTICLE_BYTES == 1 then return true end
    at = string.find(reads, article, at + 1, true)
  end
  return false
end
