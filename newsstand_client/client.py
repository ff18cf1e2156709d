"""Newsstand, as a publisher's server calls it."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from newsstand_client.answers import (
    Cancellation,
    Checkout,
    CheckoutOutcome,
    Decision,
    Decisions,
    Gifts,
    GivenGift,
    Offer,
    Reader,
    SignedLink,
    read,
)
from newsstand_client.errors import (
    WRONG_CALL,
    Conflict,
    NewsstandError,
    NoAnswer,
    Problem,
    Unavailable,
    problem_class,
    unnamed,
)
from newsstand_client.wire import Answer, Wire

DECISION_SECONDS = 0.15
CALL_SECONDS = 10.0
"""A checkout may take the service five seconds of Stripe's time, and may be tried once more."""
MOST_ATTEMPTS = 3
PAUSE_SECONDS = 0.2
MOST_USER_AGENT = 2000
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,200}")

Json = dict[str, Any]
T = TypeVar("T")
_log = logging.getLogger("newsstand_client")


@dataclass(frozen=True, kw_only=True)
class Article:
    """One of the articles that `decide_many` is asked about."""

    id: str
    access: Literal["metered", "free", "subscribers"] = "metered"
    feature: str | None = None


class Newsstand:
    """One service at `base_url` under one API key (scopes `decide` and `billing`). Safe to share between threads.

    `on_outage` is what a reader gets when no decision can be had: `allow` (a page that is not paid for is a smaller
    loss than a payer refused) or `refuse`. Only decisions fall back; everything else raises a NewsstandError.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        on_outage: Literal["allow", "refuse"] = "allow",
        decision_seconds: float = DECISION_SECONDS,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._wire = Wire(base_url)
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._on_outage = on_outage
        self._decision_seconds = decision_seconds
        self._call_seconds = call_seconds

    def decide(
        self,
        article_id: str,
        *,
        reader_id: str | None = None,
        visitor_id: str | None = None,
        access: Literal["metered", "free", "subscribers"] = "metered",
        feature: str | None = None,
        mode: Literal["consume", "peek"] = "consume",
        client_ip: str | None = None,
        user_agent: str | None = None,
        gift: str | None = None,
        link: str | None = None,
    ) -> Decision:
        """Return whether this reader may read this article, within the decision's time-out whatever happens.

        `consume` counts the article, once however often it is asked; `peek` (teasers, prefetching) never counts.
        `user_agent`, `gift` and `link` may be whatever the browser sent. Raises InvalidRequest alone: a call that is
        wrong stays wrong, whatever the service's health.
        """
        article = {"id": article_id, "access": access, "feature": feature}
        body = {"mode": mode, "article": article} | _about(reader_id, visitor_id, client_ip, user_agent, gift, link)
        try:
            return self._decided(Decision, "/v1/decisions", body)
        except NoAnswer as error:
            return self._fallback(error.reason, visitor_id)
        except Problem as error:
            return self._fallback(_passing(error), visitor_id)

    def decide_many(
        self,
        articles: Sequence[Article],
        *,
        mode: Literal["consume", "peek"],
        reader_id: str | None = None,
        visitor_id: str | None = None,
        client_ip: str | None = None,
        user_agent: str | None = None,
        gift: str | None = None,
        link: str | None = None,
    ) -> tuple[Decision, ...]:
        """Return a decision for each of up to 500 articles, in order, in one call under one decision's time-out.

        For a page of teasers, with `peek`; `consume` counts each article there is room for. Falls back like `decide`.
        """
        asked = [{"id": each.id, "access": each.access, "feature": each.feature} for each in articles]
        body = {"mode": mode, "articles": asked} | _about(reader_id, visitor_id, client_ip, user_agent, gift, link)
        try:
            found = self._decided(Decisions, "/v1/decisions/batch", body).decisions
        except NoAnswer as error:
            return (self._fallback(error.reason, visitor_id),) * len(articles)
        except Problem as error:
            return (self._fallback(_passing(error), visitor_id),) * len(articles)
        return found if len(found) == len(articles) else (self._fallback("unreadable", visitor_id),) * len(articles)

    def offer(self) -> Offer:
        """Return all that a wall shows; it changes with the service's plans.yaml alone, so keep it for a minute."""
        return self._get(Offer, "/v1/plans")

    def reader(self, reader_id: str) -> Reader:
        """Return a reader's state."""
        return self._get(Reader, f"/v1/readers/{_segment(reader_id)}")

    def link_visitor(self, reader_id: str, visitor_id: str) -> None:
        """Make this browser the reader's: call it at login. What both have read is united."""
        self._call("POST", f"/v1/readers/{_segment(reader_id)}/visitors", {"visitor_id": visitor_id})

    def give_article(self, reader_id: str, article_id: str) -> GivenGift:
        """Open an article to whoever gets the token; one given before is the same gift, and costs nothing.

        Raises Conflict (`no_entitlement`, `no_gifts_left`, `gifts_off`).
        """
        path = f"/v1/readers/{_segment(reader_id)}/gifts"
        return self._read(GivenGift, self._call("POST", path, {"article": article_id}))

    def gifts(self, reader_id: str) -> Gifts:
        """Return what a reader may still give away; raises Conflict (`gifts_off`)."""
        return self._get(Gifts, f"/v1/readers/{_segment(reader_id)}/gifts")

    def sign_link(self, article_id: str, *, days: int, label: str | None = None) -> SignedLink:
        """Return a link that opens one article for `days`. With a key of the site's own, see newsstand_client.links."""
        body = {"article": article_id, "days": days} | ({"label": label} if label else {})
        return self._read(SignedLink, self._call("POST", "/v1/links", body))

    def open_checkout(
        self,
        reader_id: str,
        plan: str,
        *,
        success_url: str,
        cancel_url: str,
        email: str | None = None,
        idempotency_key: str | None = None,
    ) -> Checkout:
        """Return the reader's open checkout; raises Conflict (`already_subscribed`).

        `idempotency_key` (here and below; made up when left out) makes two submissions of one form a single act.
        """
        body = {"reader_id": reader_id, "plan": plan, "success_url": success_url, "cancel_url": cancel_url}
        if email is not None:
            body["email"] = email
        return self._read(Checkout, self._act("POST", "/v1/checkouts", body, idempotency_key))

    def checkout_outcome(self, checkout_id: str) -> CheckoutOutcome:
        """Return where a checkout stands; the service asks Stripe itself, so no webhook need have come."""
        return self._get(CheckoutOutcome, f"/v1/checkouts/{_segment(checkout_id)}")

    def open_portal(self, reader_id: str, return_url: str, *, idempotency_key: str | None = None) -> str:
        """Return the address of Stripe's billing portal for this reader; raises NotFound (`no_customer`)."""
        body = {"reader_id": reader_id, "return_url": return_url}
        url = self._act("POST", "/v1/portals", body, idempotency_key).get("url")
        if not isinstance(url, str):
            raise NoAnswer("unreadable", "a portal without its address")
        return url

    def cancel(
        self,
        reader_id: str,
        *,
        reason: str | None = None,
        comment: str | None = None,
        idempotency_key: str | None = None,
    ) -> Cancellation:
        """Cancel at the end of the running period; raises NotFound (`no_subscription`)."""
        body = {name: value for name, value in (("reason", reason), ("comment", comment)) if value is not None}
        path = f"/v1/readers/{_segment(reader_id)}/cancellation"
        return self._read(Cancellation, self._act("POST", path, body, idempotency_key))

    def undo_cancellation(self, reader_id: str, *, idempotency_key: str | None = None) -> None:
        """Let the subscription run on; raises NotFound (`no_subscription`, `not_cancelled`)."""
        self._act("DELETE", f"/v1/readers/{_segment(reader_id)}/cancellation", None, idempotency_key)

    def close(self) -> None:
        """Close the idle connections."""
        self._wire.close()

    def _decided(self, shape: type[T], path: str, body: Json) -> T:
        # Without an id every question is a new visitor's, who would be given the free article twice.
        repeatable = body["mode"] == "peek" or "reader_id" in body or "visitor_id" in body
        give_up_at = time.monotonic() + self._decision_seconds
        try:
            answer = self._once("POST", path, body, {}, give_up_at)
        except NoAnswer as error:
            if error.reason != "broken" or not repeatable:
                raise
            # An idle connection that the service was just closing; another is at hand within the same deadline.
            answer = self._once("POST", path, body, {}, give_up_at)
        return self._read(shape, answer)

    def _fallback(self, why: str, visitor_id: str | None) -> Decision:
        _log.warning("newsstand gave no decision (%s); on_outage is %s", why, self._on_outage)
        return Decision(
            granted=self._on_outage == "allow", reason="outage", counted=False, visitor_id=visitor_id,
            meter=None, entitlement=None, wall=None, degraded=None, fallback=why,
        )  # fmt: skip

    def _get(self, shape: type[T], path: str) -> T:
        return self._read(shape, self._call("GET", path, None))

    def _act(self, method: str, path: str, body: Json | None, idempotency_key: str | None) -> Json:
        """Act once, however often it has to be said."""
        return self._call(method, path, body, {"Idempotency-Key": idempotency_key or str(uuid.uuid4())})

    def _call(self, method: str, path: str, body: Json | None, headers: Mapping[str, str] | None = None) -> Json:
        """Return the answer to a call that may be repeated, trying again for as long as its time lasts."""
        give_up_at = time.monotonic() + self._call_seconds
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                return self._once(method, path, body, headers or {}, give_up_at)
            except NewsstandError as error:
                pause = _pause_before_next(error, attempt)
                if pause is None or time.monotonic() + pause > give_up_at:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, body: Json | None, headers: Mapping[str, str], give_up_at: float) -> Json:
        sent = dict(self._headers) | dict(headers)
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()  # a page of 500 articles is large enough
            sent["Content-Type"] = "application/json"
        return _understood(self._wire.ask(method, path, sent, data, give_up_at=give_up_at))

    def _read(self, shape: type[T], value: Json) -> T:
        try:
            return read(shape, value)
        except ValueError as error:
            raise NoAnswer("unreadable", str(error)) from error


def _passing(error: Problem) -> str:
    """Return the code of a problem that a decision falls back on; raise one that says the call itself is wrong.

    Only Newsstand can say that: a proxy in between that just then knows no route to it says 404, or 408.
    """
    if error.status in WRONG_CALL and error.code != unnamed(error.status):
        raise error
    return error.code


def _about(
    reader_id: str | None,
    visitor_id: str | None,
    client_ip: str | None,
    user_agent: str | None,
    gift: str | None,
    link: str | None,
) -> dict[str, str]:
    """Return what is known of the reader and of the request that the site answers."""
    about = {"reader_id": reader_id, "visitor_id": visitor_id, "client_ip": client_ip,
             "user_agent": _one_line(user_agent), "gift": _token(gift), "link": _token(link)}  # fmt: skip
    return {name: value for name, value in about.items() if value is not None}


def _one_line(text: str | None) -> str | None:
    """Return as much of the text as the service takes: a reader's odd browser is no mistake of the site's."""
    return None if text is None else "".join(each for each in text if each.isprintable())[:MOST_USER_AGENT]


def _token(text: str | None) -> str | None:
    """Return the text if it can be a token; what else stands in an address opens nothing."""
    return text if text is not None and _TOKEN.fullmatch(text) else None


def _pause_before_next(error: NewsstandError, attempt: int) -> float | None:
    """Return how long to wait before trying again, or None when that would not help."""
    if attempt == MOST_ATTEMPTS or (isinstance(error, NoAnswer) and error.reason in ("timeout", "unreadable")):
        return None
    if isinstance(error, Unavailable):
        return error.retry_after_seconds if error.retry_after_seconds is not None else PAUSE_SECONDS * attempt
    # Our own attempt that broke off may still be at work.
    in_flight = isinstance(error, Conflict) and error.code == "request_in_flight"
    return PAUSE_SECONDS * attempt if in_flight or isinstance(error, NoAnswer) else None


def _understood(answer: Answer) -> Json:
    """Return the answer's object, `{}` for none; raise Problem, or NoAnswer for what is not Newsstand's."""
    if answer.status == 204:
        return {}
    value = _json(answer.body)
    if answer.status >= 400:
        raise _problem(answer, value or {})
    if value is None or answer.status >= 300:
        raise NoAnswer("unreadable", f"{answer.status} without a JSON object")
    return value


def _problem(answer: Answer, value: Json) -> Problem:
    """Return the problem; what a proxy in between says has no code, and gets `http_502` and the like."""
    seconds = answer.headers.get("retry-after", "")
    return problem_class(answer.status)(
        answer.status,
        str(value.get("code") or unnamed(answer.status)),
        str(value.get("detail") or "no detail"),
        errors=value.get("errors") if isinstance(value.get("errors"), dict) else None,
        request_id=answer.headers.get("x-request-id"),
        retry_after_seconds=float(seconds) if seconds.isascii() and seconds.isdigit() else None,
    )


def _json(body: bytes) -> Json | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")
