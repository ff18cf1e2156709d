"""Make one fault after the other in the meter's Lua scripts, and see that the tests notice each.

No tool makes mutants of Lua: these are made by hand, one a line of FAULTS, each a small slip that a person could make.
Each is tried in a fork of this process, whose scripts have that one edit. Ends with 1 when one goes unnoticed.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import service.app  # noqa: F401 - loaded once, not in every fork
from metering import guard, linking, moving, redis_meter
from metering.script import Script

ROOT = Path(__file__).parents[2]
OPTIONS = ["-k", "(valkey-9 or redis_url) and not thousand", "-x", "-q", "-p", "no:cacheprovider"]
_COUNTS = ["redis_meter_rolling", "redis_meter"]
HELD_BY = {
    "reads": _COUNTS,
    "admit": ["redis_meter_passes", "redis_meter_newcomers", "redis_meter_linking", "redis_meter_memory", *_COUNTS],
    "absent": ["redis_meter_passes"],
    "publish": ["redis_meter_passes"],
    "newcomers": ["guard"],
    "aliases": ["redis_meter_linking"],
    "link": ["redis_meter_linking", "redis_meter_rolling"],
    "linked": ["redis_meter_linking"],
    "settle": ["redis_meter_linking"],
    "unite": ["redis_meter_rolling", "redis_meter_linking"],
    "take": ["moving"],
    "drop": ["moving"],
}
"""The tests that hold each script, those first that are likely to notice."""
FAULTS: Sequence[tuple[str, str, str]] = [
    ("reads", "struct.unpack('>I4', value) > window.over", "struct.unpack('>I4', value) >= window.over"),
    ("reads", "return window.keys[1], window.head", "return window.keys[#window.keys], window.head"),
    ("reads", "ipairs(window.keys)", "ipairs({window.keys[1]})"),
    ("reads", "(#reads - #window.head) / ARTICLE_BYTES", "#reads - #window.head"),
    ("reads", "if key == window.keys[1] then redis.call('EXPIRE', key, ttl) end", ""),
    ("reads", "if key == window.keys[1] then redis.call('EXPIRE', key, ttl) end", "redis.call('EXPIRE', key, ttl)"),
    ("reads", "% ARTICLE_BYTES == 1", "% ARTICLE_BYTES >= 0"),
    ("reads", "at = string.find(reads, article, at + 1, true)", "at = nil"),
    ("admit", "60 * 1000000", "61 * 1000000"),
    ("admit", "60 * 1000000", "59 * 1000000"),
    ("admit", "math.abs(wall_now - refreshed_at) < BELIEF", "wall_now - refreshed_at < BELIEF"),
    ("admit", "math.abs(wall_now - refreshed_at) < BELIEF", "math.abs(wall_now - refreshed_at) <= BELIEF"),
    ("admit", "refreshed_at > after and", ""),
    ("admit", "valid_until > now", "valid_until >= now"),
    ("admit", "not is_absent and valid_until", "valid_until"),
    ("admit", "if layout == LAYOUT and not", "if not"),
    ("admit", "is_known_without = layout == LAYOUT and is_absent", "is_known_without = is_absent"),
    ("admit", "or is_absent_lately(KEYS[2], passed_at)", ""),
    ("admit", "or is_absent_lately(KEYS[3], passed_at)", ""),
    ("admit", "if not is_known_without then return {'unknown'} end", ""),
    ("admit", "elseif role ~= 'reads' then", "else"),
    ("admit", "if consume then note_use(", "if true then note_use("),
    ("admit", "if consume then note_use(KEYS[1], subject, alias, tonumber(ARGV[9])) end", ""),
    ("admit", "return {'alias', alias}", "return {'alias', string.sub(alias, 1, 8)}"),
    ("admit", "is_first and (role == 'guest'", "(role == 'guest'"),
    ("admit", "(role == 'guest' or role == 'judged')", "role == 'judged'"),
    ("admit", "(role == 'guest' or role == 'judged')", "role == 'guest'"),
    ("admit", "redis.call('SISMEMBER', KEYS[2], ARGV[11]) + ", ""),
    ("admit", " + redis.call('SISMEMBER', KEYS[3], ARGV[11])", ""),
    ("admit", "elseif #reads < most then", "elseif #reads <= most then"),
    ("admit", "if holds(window, reads, article) then", "if holds(window, before, article) then"),
    ("admit", "if consume then reads = reads .. article end", "reads = reads .. article"),
    ("admit", "if #reads > #before then", "if true then"),
    ("admit", "if ARGV[10] and role ~= 'reader' then", "if is_first and ARGV[10] and role ~= 'reader' then"),
    ("admit", "if ARGV[10] and role ~= 'reader' then", "if false then"),
    ("admit", "if ARGV[10] and role ~= 'reader' then", "if ARGV[10] then"),
    ("admit", "role == 'guest' or not fits(KEYS[4], ARGV[12], ARGV[13], consume, ARGV[14])", "role == 'guest'"),
    ("admit", "ARGV[13], consume, ARGV[14])", "ARGV[13], true, ARGV[14])"),
    ("admit", "    let_in = 1\n", ""),
    ("admit", "if is_known_without and valid_until > now then extra", "if is_known_without then extra"),
    ("admit", "(limit + extra)", "limit"),
    ("admit", "    redis.call('EXPIRE', KEYS[2], ARGV[10])\n", ""),
    ("admit", "#reads > #window.head and string.sub(reads, 1, #window.head)", "false"),
    ("admit", "count(window, before), head", "count(window, reads), head"),
    ("absent", "redis.call('EXPIRE', KEYS[1], ARGV[3])\n", ""),
    ("aliases", "aliases, KEPT_DAYS * 86400)", "aliases, KEPT_DAYS)"),
    ("aliases", "  redis.call('EXPIRE', aliases, KEPT_DAYS * 86400)\n", ""),
    ("aliases", "#alias >= 19 and", ""),
    ("aliases", ">= NOTED_EVERY_DAYS", "> NOTED_EVERY_DAYS"),
    ("aliases", "string.sub(alias, 17, 17), today", "SETTLED, today"),
    ("aliases", "> KEPT_DAYS then", "< KEPT_DAYS then"),
    ("aliases", "for index = 1, #found, 2 do", "for index = 1, 0, 2 do"),
    ("newcomers", "if redis.call('HEXISTS', newcomers, visitor) == 1 then return true end\n", ""),
    ("newcomers", ">= tonumber(bound)", "> tonumber(bound)"),
    ("newcomers", "if adds then", "if true then"),
    ("newcomers", "    redis.call('EXPIRE', newcomers, ttl)\n", ""),
    ("link", "struct.unpack('>i8', standing, 9) > ", "struct.unpack('>i8', standing, 9) >= "),
    ("link", "struct.unpack('>i8', standing, 9) > ", "struct.unpack('>i8', standing, 9) < "),
    ("link", "if reads == window.head then reads = '' end", ""),
    ("link", "sweep(aliases, today)\n", ""),
    ("link", "reads == '' and SETTLED or WAITING", "SETTLED"),
    ("link", "reads == '' and SETTLED or WAITING", "WAITING"),
    ("linked", "string.sub(alias, 1, 8) ~= reader", "false"),
    ("linked", "string.sub(alias, 17, 17) ~= SETTLED", "false"),
    ("linked", "note_use(aliases, visitor, alias, today)\n", ""),
    ("publish", "version < standing_version", "version <= standing_version"),
    ("publish", "version < standing_version", "version > standing_version"),
    ("publish", "layout == standing_layout and ", ""),
    ("settle", "string.sub(standing, 1, #link) == link", "true"),
    ("settle", "  for index = 2, #KEYS do redis.call('HDEL', KEYS[index], visitor) end\n", ""),
    ("settle", "link, SETTLED, today", "link, WAITING, today"),
    ("unite", "if before == window.head then before = string.sub(others, 1, #window.head) end\n", ""),
    ("unite", "for at = #window.head + 1", "for at = 1"),
    ("unite", "if not holds(window, before, article) then", "if true then"),
    ("unite", "if #added > 1 then store(", "if false then store("),
    ("take", "if reads == window.head then reads = '' end\n", ""),
    ("take", "redis.call('HGET', KEYS[3], subject) or ''", "''"),
    ("take", "redis.call('SISMEMBER', KEYS[1], ARGV[4])", "0"),
    ("take", "redis.call('SISMEMBER', KEYS[2], ARGV[4])", "0"),
    ("drop", "if value == ARGV[at] then", "if true then"),
    ("drop", "    if value == ARGV[at] then redis.call('HDEL', key, ARGV[1]) end\n", ""),
]  # fmt: skip


def scripts() -> Iterator[Script]:
    """Yield the scripts as the meter sends them: each file after those it builds upon."""
    for module in (guard, linking, moving, redis_meter):
        yield from (each for each in vars(module).values() if isinstance(each, Script))


def broken(name: str, right: str, wrong: str) -> tuple[str, str]:
    """Return a script's file, and what the fault makes of it; raises ValueError where the file lacks that text."""
    file = (ROOT / "metering" / f"{name}.lua").read_text()
    if right not in file:
        raise ValueError(f"{name}.lua no longer says {right!r}")
    return file, file.replace(right, wrong, 1)


def break_scripts(name: str, right: str, wrong: str) -> None:
    """Put the fault into every script that this file is part of."""
    file, faulty = broken(name, right, wrong)
    for script in scripts():
        script.source = script.source.replace(file.encode(), faulty.encode())
        script.sha = hashlib.sha1(script.source, usedforsecurity=False).hexdigest()


def is_noticed(name: str, right: str, wrong: str) -> bool:
    """Tell whether a test fails once `right` has become `wrong`."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == pytest.ExitCode.TESTS_FAILED
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    break_scripts(name, right, wrong)
    os._exit(pytest.main([*(f"tests/metering/test_{each}.py" for each in HELD_BY[name]), *OPTIONS]))


def main() -> int:
    """Print each fault that went unnoticed, and how many did not."""
    for fault in FAULTS:
        broken(*fault)  # one that cannot be made would end its child with an error, and pass for noticed
    unnoticed = [fault for fault in FAULTS if not is_noticed(*fault)]
    for script, right, wrong in unnoticed:
        print(f"unnoticed: {script}.lua: {right!r} -> {wrong!r}")
    print(f"{len(FAULTS) - len(unnoticed)} of {len(FAULTS)} faults in the scripts noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
