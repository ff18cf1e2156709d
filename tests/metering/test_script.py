"""Scripts are files of this package, known to servers by their SHA-1."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoScriptError, ResponseError

import metering
from metering.redis_meter import RedisMeter
from metering.script import Call, Script, ask_on
from tests.metering.wire import Wire

FOLDER = Path(metering.__file__).parent
ROOT = FOLDER.parent


def test_a_script_is_its_file_after_those_it_builds_upon() -> None:
    """Claim: the text is the files' own, a line apart, and its name at the server is its SHA-1."""
    script = Script("unite", after=("reads",))
    assert script.name == "unite"
    assert script.source == (FOLDER / "reads.lua").read_bytes() + b"\n" + (FOLDER / "unite.lua").read_bytes()
    assert script.sha == hashlib.sha1(script.source, usedforsecurity=False).hexdigest()
    assert Script("take").source == (FOLDER / "take.lua").read_bytes()


def test_a_call_is_told_by_name_or_in_full() -> None:
    """Claim: keys are counted before they are named; what the server has not seen goes whole."""
    script = Script("guard")
    call = Call(script, ["one", "two"], (b"x", 3))
    assert call.words(known=True) == ("EVALSHA", script.sha, 2, "one", "two", b"x", 3)
    assert call.words(known=False) == ("EVAL", script.source, 2, "one", "two", b"x", 3)


def test_of_several_the_first_refusal_is_told(
    meter: RedisMeter, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: a script that fails amid others is a fault, not an answer, and the connection serves on."""
    place: Callable[..., Any] = meter._keys.place_of
    key = place(b"12345678").passes
    server.set(key, "no hash")
    guard = Script("guard", after=("newcomers",))
    calls = [Call(guard, [key], (b"v", 3, 1, 60)), Call(guard, [f"{key}:other"], (b"v", 3, 1, 60))]
    faults: list[str] = []
    monkeypatch.setattr(meter.connections, "_on_fault", faults.append)
    with pytest.raises(Exception, match="WRONGTYPE"):
        meter.connections.run_all(calls)
    assert faults == [ResponseError.__name__]
    assert meter.connections.run(guard, [f"{key}:third"], b"v", 3, 1, 60) == 1
    assert meter.connections.run_all(calls[1:]) == [1]


def _replying(*replies: object) -> Wire:
    left = iter(replies)
    return Wire(lambda _words: next(left))


def test_a_script_in_a_slot_that_is_handed_over_is_taught_with_asking_too() -> None:
    """Claim: ASKING holds for one command, so both are told it: the one refused, and the one that brings the script."""
    wire, guard = _replying(b"OK", NoScriptError(), b"OK", 1), Script("guard")
    assert ask_on(wire, (Call(guard, ["key"], ()),), asking=True) == [1]
    assert [words[0] for words in wire.sent] == ["ASKING", "EVALSHA", "ASKING", "EVAL"]


def test_of_several_in_such_a_slot_each_has_its_answer() -> None:
    """Claim: what ASKING is answered with is nobody's reply."""
    wire, guard = _replying(b"OK", 1, b"OK", 2, b"OK", 3), Script("guard")
    calls = [Call(guard, ["key"], (number,)) for number in range(3)]
    assert ask_on(wire, calls, asking=True) == [1, 2, 3]


def test_every_fault_that_is_made_up_can_be_made() -> None:
    """Claim: the list of faults keeps up with the scripts; one that cannot be made passes for noticed."""
    spec = importlib.util.spec_from_file_location("lua_faults", ROOT / "tests" / "mutation" / "lua.py")
    assert spec is not None
    assert spec.loader is not None
    faults = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(faults)
    assert len(faults.FAULTS) > 80
    for name, right, wrong in faults.FAULTS:
        file, faulty = faults.broken(name, right, wrong)
        assert file != faulty
        assert name in faults.HELD_BY
