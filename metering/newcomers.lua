-- Whether one more newcomer fits into a network's hour; it stands before the scripts that ask it (script.py).

-- Tells whether `visitor` (8-byte hash) is among the first `bound` of these newcomers; `adds` makes them one. Whoever fits
-- once, fits for the whole hour. Past the bound nothing is written, so a flood costs no memory.
local function fits(newcomers, visitor, bound, adds, ttl)
  if redis.call('HEXISTS', newcomers, visitor) == 1 then return true end
  if redis.call('HLEN', newcomers) >= tonumber(bound) then return false end
  if adds then
    redis.call('HSET', newcomers, visitor, '')
    redis.call('EXPIRE', newcomers, ttl)
  end
  return true
end
