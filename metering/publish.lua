-- Publishes a pass or a tombstone: the highest version wins, and the same version may be refreshed.
--
-- KEYS  passes.   ARGV  subject, value (see layout.py).   Returns 1 if this value now stands, else 0.
-- So publishers may race, repeat and arrive late in any order, and one state results. `refreshed_at` is not compared:
-- a host whose clock runs behind could then never refresh what another wrote.

local passes, subject, value = KEYS[1], ARGV[1], ARGV[2]

local function layout_and_version(pass)
  local layout, _, version = struct.unpack('>BBi8', pass)
  return layout, version
end

local standing = redis.call('HGET', passes, subject)
if standing then
  local layout, version = layout_and_version(value)
  local standing_layout, standing_version = layout_and_version(standing)
  -- Another release's layout cannot be compared; the release that is publishing now is believed.
  if layout == standing_layout and version < standing_version then return 0 end
end
redis.call('HSET', passes, subject, value)
return 1
