"""The chain tells every change to its past from the record as it was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from service.domain.chain import BEFORE_ALL, Details, Head, Link, canonical, faults, refuse_floats

AT = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
Chain = list[tuple[Link, Details | None]]


def link(before: Head, details: Details, **changes: Any) -> Link:
    usual: dict[str, Any] = {
        "seq": before.seq + 1, "at": AT, "actor": "staff:1", "act": "account.read", "request_id": None, "erases": (),
        "details_digest": details.digest(), "previous": before.digest, "digest": b"",
    }  # fmt: skip
    unsigned = Link(**(usual | changes))
    return replace(unsigned, digest=unsigned.computed())


def chain(length: int, **last: Any) -> Chain:
    """Return a sound chain; `last` are changes to its last link, made before it is signed."""
    made: Chain = []
    head = Head(seq=0, digest=BEFORE_ALL)
    for seq in range(1, length + 1):
        details = Details(salt=bytes([seq]) * 16, subjects=(f"r-{seq}",), reason=None, detail={"n": seq})
        made.append((link(head, details, **(last if seq == length else {})), details))
        head = Head(seq=seq, digest=made[-1][0].digest)
    return made


def told(links: Chain, heads: list[Head] | None = None) -> list[str]:
    return [str(each) for each in faults(links, heads or [])]


def test_a_chain_as_written_has_no_faults() -> None:
    """Also an empty one, one whose head was noted, and one that was noted before it began."""
    whole = chain(5)
    noted = [Head(seq=0, digest=BEFORE_ALL), *(Head(seq=each.seq, digest=each.digest) for each, _ in whole)]
    assert told([]) == told([], [Head(seq=0, digest=BEFORE_ALL)]) == told(whole) == told(whole, noted) == []


EDITS: list[dict[str, Any]] = [
    {"at": AT + timedelta(microseconds=1)}, {"actor": "staff:2"}, {"act": "refund"}, {"request_id": "x"},
    {"erases": (1,)}, {"details_digest": bytes(32)},
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda each: next(iter(each)))
def test_any_edit_of_a_link_is_told(edit: dict[str, Any]) -> None:
    """Whichever field: its digest no longer fits."""
    whole = chain(5)
    whole[2] = (replace(whole[2][0], **edit), whole[2][1])
    assert "3: was edited" in told(whole)


def test_an_edit_that_signs_itself_breaks_the_next_link() -> None:
    """Whoever computes a new digest too has changed what the next link holds."""
    whole = chain(5)
    forged = replace(whole[2][0], actor="staff:2")
    whole[2] = (replace(forged, digest=forged.computed()), whole[2][1])
    assert told(whole) == ["4: does not continue the link before"]


@pytest.mark.parametrize(
    "edit", [{"reason": "another"}, {"subjects": ("r-9",)}, {"detail": {}}, {"salt": bytes(16)}], ids=str
)
def test_any_edit_of_details_is_told(edit: dict[str, Any]) -> None:
    """The link holds their digest."""
    whole = chain(3)
    assert whole[1][1] is not None
    whole[1] = (whole[1][0], replace(whole[1][1], **edit))
    assert told(whole) == ["2: its details were edited"]


def shared(*subjects: str) -> Details:
    """Return details about several people, each part with its salt."""
    salts = tuple(bytes([number]) * 16 for number in range(1, len(subjects) + 2))
    return Details(salt=bytes(16), subjects=subjects, reason="rang", detail={"q": "r"}, salts=salts)


def test_what_is_left_of_details_about_several_has_the_digest_they_had() -> None:
    """Whoever is taken out, in whichever order; what stands in their place says nothing of them."""
    whole = shared("r-1", "r-2", "r-3")
    one, other = whole.without(["r-1"]).without(["r-3", "r-9"]), whole.without({"r-1", "r-3"})
    assert one == other
    assert one.digest() == whole.digest()
    assert (one.subjects[1], one.reason, one.parts_gone) == ("r-2", None, 3)
    assert not any(each in str(one) for each in ("r-1", "r-3", "rang"))


@pytest.mark.parametrize(
    "edit",
    [
        {"reason": "another"}, {"subjects": ("r-1", "r-9")}, {"subjects": ("r-1",)}, {"detail": {}}, {"salt": b"x"},
        {"salts": ()}, {"salts": (b"x",) * 3}, {"salts": (b"x",) * 4}, {"salts": (b"", b"", b"")},
    ],
    ids=str,
)  # fmt: skip
def test_any_edit_of_shared_details_is_told(edit: dict[str, Any]) -> None:
    """Of a part, of its salt, of how many parts there are; also when one of them is gone."""
    for details in (shared("r-1", "r-2"), shared("r-1", "r-2").without(["r-1"])):
        assert replace(details, **edit).digest() != details.digest()


def test_parts_may_go_only_by_erasures_on_record_each_by_its_own() -> None:
    """A later link names the link once for each part; what it names is part of its own digest."""
    details = shared("r-1", "r-2", "r-3")
    first = link(Head(seq=0, digest=BEFORE_ALL), details)
    nothing = Details(salt=bytes(16), subjects=(), reason=None, detail={})
    second = link(Head(seq=1, digest=first.digest), nothing, strips=(1, 1))
    assert told([(first, details.without(["r-1"])), (second, nothing)]) == []
    more = [(first, details.without(["r-1", "r-2"])), (second, nothing)]
    assert told(more) == ["1: more of its details is gone than erasures name"]
    assert "2: was edited" in told([more[0], (replace(second, strips=(1, 1, 1)), nothing)])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda whole: whole[1:], "2: follows 0: links are missing in between"),
        (lambda whole: whole[:2] + whole[3:], "4: follows 2: links are missing in between"),
        (lambda whole: [whole[0], whole[2], whole[1], *whole[3:]], "3: follows 1: links are missing in between"),
        (lambda whole: whole[:3] + whole[2:], "3: follows 3: links are missing in between"),
    ],
    ids=["beginning", "middle", "order", "twice"],
)
def test_deletion_reordering_and_repetition_are_told(change: Callable[[Chain], Chain], fault: str) -> None:
    """Numbers have no gap, and each link continues the one before."""
    assert fault in told(change(chain(5)))


def test_a_chain_cut_short_is_told_by_a_head_noted_outside() -> None:
    """Without one it looks whole: that is what the anchor is for."""
    whole = chain(5)
    noted = [Head(seq=5, digest=whole[4][0].digest)]
    assert told(whole[:4]) == []
    assert told(whole[:4], noted) == ["5: was noted outside, but the chain ends at 4"]
    assert told([], noted) == ["5: was noted outside, but the chain ends at 0"]


def test_a_chain_written_anew_is_told_by_a_head_noted_outside() -> None:
    """Sound in itself, but not what was noted."""
    noted = [Head(seq=4, digest=chain(4)[3][0].digest)]
    anew = chain(4, actor="staff:2")
    assert told(anew) == []
    assert told(anew, noted) == ["4: is not what was noted outside when it was written: the chain was written anew"]


def test_details_may_go_only_by_an_erasure_on_record() -> None:
    """A later link names them; one before them, or none, justifies nothing."""
    erased = chain(4, erases=(2,))
    erased[1] = (erased[1][0], None)
    assert told(erased) == []
    erased[2] = (erased[2][0], None)
    assert told(erased) == ["3: its details are gone, and no erasure names them"]


def test_the_same_instant_and_value_have_one_spelling() -> None:
    """However PostgreSQL's session spells instants, and in whichever order keys come."""
    (first, _), elsewhere = chain(1)[0], timezone(timedelta(hours=5))
    assert replace(first, at=first.at.astimezone(elsewhere)).computed() == first.digest
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()


def test_floats_are_refused_wherever_they_stand() -> None:
    """Whole numbers, texts, truth and nothing are what an entry may say."""
    refuse_floats({"a": [{"b": (2, "c", None, True)}]})
    for value in (1.0, {"a": 1.5}, [0.1], {"a": [{"b": (2.5,)}]}):
        with pytest.raises(TypeError):
            refuse_floats(value)
