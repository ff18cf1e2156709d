-- Asks alone whether one more newcomer fits into a network's hour.
--
-- KEYS  newcomers of one network in one hour.   ARGV  visitor (8-byte hash), bound, ttl (seconds), adds (1 or 0).
-- Returns 1 or 0.

return fits(KEYS[1], ARGV[1], ARGV[2], ARGV[4] == '1', ARGV[3]) and 1 or 0
