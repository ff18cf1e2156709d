-- What the scripts know of aliases: which reader a browser's visitor id stands for. It stands before each of them.
--
-- A value is link (reader's hash, linked_at: 8 bytes each), state (1), day of the last use (2, days of Unix time, wall).
-- No browser keeps a cookie for longer than 400 days after the last visit (RFC 6265bis), so an alias that nobody has used
-- for longer belongs to no browser any more: forgetting it gives nobody a fresh allowance. A use is noted every 30 days.

local SETTLED, WAITING = '\1', '\0'
local KEPT_DAYS, NOTED_EVERY_DAYS = 440, 30
local LOOKED_AT = 16

local function store_alias(aliases, visitor, link, state, today)
  redis.call('HSET', aliases, visitor, link .. state .. struct.pack('>I2', today))
  redis.call('EXPIRE', aliases, KEPT_DAYS * 86400)
end

local function last_used(alias)
  return #alias >= 19 and struct.unpack('>I2', alias, 18) or 0 -- an earlier release's has no day
end

local function note_use(aliases, visitor, alias, today)
  if today - last_used(alias) >= NOTED_EVERY_DAYS then
    store_alias(aliases, visitor, string.sub(alias, 1, 16), string.sub(alias, 17, 17), today)
  end
end

-- Forgets those out of use among a few taken at random. Done with each new alias, it leaves at most one in sixteen of them.
local function sweep(aliases, today)
  local found = redis.call('HRANDFIELD', aliases, LOOKED_AT, 'WITHVALUES')
  for index = 1, #found, 2 do
    if today - last_used(found[index + 1]) > KEPT_DAYS then redis.call('HDEL', aliases, found[index]) end
  end
end
