"""A journey as steps."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.tour.steps import Chapter, Outcome, Result, Unexpected, Walk, observed

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _walk(*chapters: Chapter[list[str]], words: dict[str, str] | None = None) -> list[Result]:
    return list(Walk([], words=words or {}, business_clock=lambda: NOON).through(chapters))


def test_a_step_that_holds_tells_what_it_saw() -> None:
    """A result names its chapter, the expectation, what was seen, and the business day."""
    chapter = Chapter[list[str]]("Reading")

    @chapter.step("The first article", expects="granted")
    def first(_: list[str]) -> str:
        return observed("granted (metered)", True)

    (result,) = _walk(chapter)
    assert (result.chapter, result.name, result.outcome) == ("Reading", "The first article", Outcome.HELD)
    assert (result.expected, result.seen, result.business_at) == ("granted", "granted (metered)", NOON)


def test_a_failed_step_skips_all_that_depend_on_it_and_nothing_else() -> None:
    """What needs a failed step, directly or through another, is skipped by name; the rest is still tried."""
    chapter = Chapter[list[str]]("Paying")

    @chapter.step("Checkout", expects="open")
    def checkout(_: list[str]) -> str:
        return observed("409 already_subscribed", False)

    @chapter.step("Paying", expects="paid", needs=[checkout])
    def paying(tried: list[str]) -> str:
        tried.append("paying")
        return "paid"

    @chapter.step("Access", expects="granted", needs=[paying])
    def access(tried: list[str]) -> str:
        tried.append("access")
        return "granted"

    @chapter.step("The offer", expects="shown")
    def offer(tried: list[str]) -> str:
        tried.append("offer")
        return "shown"

    tried: list[str] = []
    results = list(Walk(tried, words={}, business_clock=lambda: None).through([chapter]))
    assert [result.outcome for result in results] == [
        Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.HELD,
    ]  # fmt: skip
    assert tried == ["offer"]
    assert results[0].seen == "409 already_subscribed"
    assert "Checkout" in results[1].seen
    assert "Paying" in results[2].seen


def test_needs_reach_across_chapters() -> None:
    """A later chapter may depend on an earlier one's step."""
    first, second = Chapter[list[str]]("One"), Chapter[list[str]]("Two")

    @first.step("The offer", expects="shown")
    def offer(_: list[str]) -> str:
        raise Unexpected("401 unknown_key")

    @second.step("Checkout", expects="open", needs=[offer])
    def checkout(_: list[str]) -> str:
        return "open"

    assert [result.outcome for result in _walk(first, second)] == [Outcome.FAILED, Outcome.SKIPPED]


def test_an_answer_of_another_shape_fails_the_step_and_not_the_tour() -> None:
    """Whatever a step raises is what was seen."""
    chapter = Chapter[list[str]]("Reading")

    @chapter.step("The meter", expects="1 of 1")
    def meter(_: list[str]) -> str:
        answer: dict[str, str] = {}
        return answer["meter"]

    @chapter.step("The wall", expects="refused")
    def wall(_: list[str]) -> str:
        return "refused"

    first, second = _walk(chapter)
    assert (first.outcome, first.seen) == (Outcome.FAILED, "KeyError: 'meter'")
    assert second.outcome is Outcome.HELD


def test_the_words_are_those_known_after_the_step() -> None:
    """Prices are filled into names and expectations as soon as the offer was read."""
    chapter = Chapter[dict[str, str]]("The offer")

    @chapter.step("{days} days free", expects="{monthly} a month, {unknown}")
    def offer(words: dict[str, str]) -> str:
        words |= {"days": "30", "monthly": "$2.90"}
        return "read"

    words: dict[str, str] = {}
    (result,) = Walk(words, words=words, business_clock=lambda: None).through([chapter])
    assert (result.name, result.expected) == ("30 days free", "$2.90 a month, {unknown}")
