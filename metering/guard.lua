-- Whether one more newcomer fits into a network's hour; whoever fits once, fits for the whole hour.
--
-- KEYS  newcomers of one network in one hour.   ARGV  visitor (8-byte hash), bound, adds (1 or 0), ttl (seconds).
-- Returns 1 or 0. Past the bound nothing is written, so a flood costs no memory.

local newcomers, visitor = KEYS[1], ARGV[1]
local bound, adds, ttl = tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]

if redis.call('HEXISTS', newcomers, visitor) == 1 then return 1 end
if redis.call('HLEN', newcomers) >= bound then return 0 end
if adds then
  redis.call('HSET', newcomers, visitor, '')
  redis.call('EXPIRE', newcomers, ttl)
end
return 1
