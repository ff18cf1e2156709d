-- One decision about one subject, atomically: its pass, else its alias, else its distinct articles.
--
-- Units: instants are microseconds of Unix time (`now` business, `wall_now` and `refreshed_at` wall), `ttl` is seconds,
-- subjects are fields (keys.py), articles 6 bytes each. Doubles hold such instants exactly until the year 2255.
--
-- KEYS, all with one hash tag; the meter (in a rolling window two keys, newest first) is always the last:
--   reader   passes, absent of this minute, absent of the minute before, meter
--   visitor  aliases, meter
--   guest    aliases, marks of this window, marks of the one before, meter    a visitor whom the guard must know
--   vouched  the same                                                         a newcomer whom the guard has let in
--   judged   aliases, marks, marks before, newcomers of the network, meter    a guest whom the guard judges here; the
--            network's key has a hash tag of its own, so this role is for one server alone
--   reads    meter                       an aliased visitor's second hop: the reader's reads, never the reader's pass
-- ARGV  role, subject, limit, consume (1 or 0), ttl, head, over (both: reads.lua), articles (6 bytes each, in one piece);
--       for a reader also now, wall_now; for visitors today (days of Unix time, wall), and for all but the plain ones how
--       long the mark is kept (seconds) and the mark (a number); for a judged one also guard.lua's visitor, bound and ttl
-- A reader's tombstone may give articles beyond the limit (layout.py: extra), in force while `valid_until` is ahead.
-- Returns {'pass', value} | {'unknown'} | {'newcomer'} | {'alias', as in aliases.lua}
--         | {'reads', count before, head of the running reads or '', a letter per article: s(een) r(oom) f(ull),
--            articles given beyond the limit, 1 for a newcomer whom the guard let in here}
--
-- No `#!lua` line: with one, a full server would refuse the whole script; without, only its writes, so passes go on serving.

local BELIEF = 60 * 1000000 -- how long "no pass" is believed without asking the record again
local LAYOUT, ABSENT = 1, 1

local role, subject, extra = ARGV[1], ARGV[2], 0
local limit, consume, ttl = tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5]
local articles = ARGV[8]

local function meter_keys(head)
  if head == '' then return {KEYS[#KEYS]} end
  return {KEYS[#KEYS - 1], KEYS[#KEYS]}
end

if role == 'reader' then
  local now, wall_now = tonumber(ARGV[9]), tonumber(ARGV[10])

  -- A clock that runs ahead elsewhere must not stretch the belief, hence the distance rather than the age.
  local function is_fresh(refreshed_at)
    return math.abs(wall_now - refreshed_at) < BELIEF
  end

  -- `after`: a note older than the pass beside it says nothing; the reader has subscribed since.
  local function is_absent_lately(key, after)
    local note = redis.call('HGET', key, subject)
    local refreshed_at = note and struct.unpack('>i8', note)
    return note and refreshed_at > after and is_fresh(refreshed_at)
  end

  local pass = redis.call('HGET', KEYS[1], subject)
  local is_known_without, passed_at = false, 0
  if pass then
    local layout, flags, _, valid_until, refreshed_at = struct.unpack('>BBi8i8i8', pass)
    passed_at = layout == LAYOUT and refreshed_at or 0
    local is_absent = bit.band(flags, ABSENT) ~= 0
    -- A pass in another release's layout is no pass we can read: ask the record.
    if layout == LAYOUT and not is_absent and valid_until > now then return {'pass', pass} end
    is_known_without = layout == LAYOUT and is_absent and is_fresh(refreshed_at)
    if is_known_without and valid_until > now then extra = bit.rshift(flags, 1) end
  end
  -- Also beside an outlived pass: the record may have forgotten a reader (erasure) whose pass is still here.
  is_known_without = is_known_without or is_absent_lately(KEYS[2], passed_at) or is_absent_lately(KEYS[3], passed_at)
  if not is_known_without then return {'unknown'} end
elseif role ~= 'reads' then
  local alias = redis.call('HGET', KEYS[1], subject)
  if alias then
    if consume then note_use(KEYS[1], subject, alias, tonumber(ARGV[9])) end
    return {'alias', alias}
  end
end

local window = open_window(meter_keys(ARGV[6]), ARGV[6], ARGV[7])
local key, before = running(window, subject)
local is_first = #before == #window.head

local let_in
if is_first and (role == 'guest' or role == 'judged') then
  local is_known = redis.call('SISMEMBER', KEYS[2], ARGV[11]) + redis.call('SISMEMBER', KEYS[3], ARGV[11]) > 0
  if not is_known then
    if role == 'guest' or not fits(KEYS[4], ARGV[12], ARGV[13], consume, ARGV[14]) then return {'newcomer'} end
    let_in = 1
  end
end

local reads, most = before, #window.head + (limit + extra) * ARTICLE_BYTES
local letters = {}
for at = 1, #articles, ARTICLE_BYTES do
  local article = string.sub(articles, at, at + ARTICLE_BYTES - 1)
  if holds(window, reads, article) then
    letters[#letters + 1] = 's'
  elseif #reads < most then
    if consume then reads = reads .. article end
    letters[#letters + 1] = 'r'
  else
    letters[#letters + 1] = 'f'
  end
end
if #reads > #before then
  store(window, key, subject, reads, ttl)
  if ARGV[10] and role ~= 'reader' then
    redis.call('SADD', KEYS[2], ARGV[11])
    redis.call('EXPIRE', KEYS[2], ARGV[10])
  end
end
local head = #reads > #window.head and string.sub(reads, 1, #window.head) or ''
return {'reads', count(window, before), head, table.concat(letters), extra, let_in}
