-- Removes what take.lua found, once it lies in its new place, and nothing that has come since.
--
-- KEYS  hashes.   ARGV  subject, then what was found in any of them.

for _, key in ipairs(KEYS) do
  local value = redis.call('HGET', key, ARGV[1])
  for at = 2, #ARGV do
    if value == ARGV[at] then redis.call('HDEL', key, ARGV[1]) end
  end
end
