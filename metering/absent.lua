-- Notes that the record knows nothing of a reader. Such notes are as many as there are signed-in readers without a
-- subscription, so they live in a key of their own minute and go with it: bounded memory, and no pass is ever touched.
--
-- KEYS  absent of this minute.   ARGV  subject, refreshed_at (8 bytes, wall microseconds), ttl (seconds).   Returns 1.

redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
