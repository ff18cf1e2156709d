"""What all steps share: the service under both keys, Stripe, and the readers, who are new on every tour."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from sandbox.tour.api import Api, Json, segment
from sandbox.tour.browser import Browser, Left, choose, form_with
from sandbox.tour.steps import Unexpected
from sandbox.tour.stripe_account import StripeAccount

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.1


def fresh_card() -> dict[str, str]:
    """Return what to fill in for a card that pays and has had no trial: a number of its own, never used before.

    On the stand-in's page a test card's date must only be far ahead of the clock.
    """
    digits = f"424242{secrets.randbelow(10**9):09}"
    doubled = sum(sum(divmod(2 * int(each), 10)) for each in digits[::-2])
    last = -(doubled + sum(int(each) for each in digits[-2::-2])) % 10
    return {"card_number": f"{digits}{last}", "card_expiry": "12 / 99", "card_cvc": "123"}


@dataclass
class Reader:
    """One reader of the tour, and what became known of them on the way."""

    reader_id: str
    email: str
    card: dict[str, str] = field(default_factory=fresh_card)
    browser: Browser = field(default_factory=Browser)
    visitor_id: str | None = None
    checkout_id: str = ""
    checkout_url: str = ""
    subscription_id: str = ""
    paid_at_seconds: float = 0.0

    @classmethod
    def fresh(cls, name: str) -> Reader:
        """Return a reader nobody has seen before."""
        token = secrets.token_hex(5)
        return cls(reader_id=f"tour-{name}-{token}", email=f"{name}-{token}@example.com")


@dataclass
class Watch:
    """How often a payer asked while time passed, and every answer that did not know them as one."""

    questions: int = 0
    strange: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        known = f"{len(self.strange)} times unknown ({', '.join(self.strange)})" if self.strange else "let in each time"
        return f"asked {self.questions} times meanwhile, {known}"


class Trip:
    """One tour. `words` is what the offer says, filled into what the steps expect."""

    def __init__(self, site: Api, support: Api, account: StripeAccount, *, site_origin: str) -> None:
        self.site = site
        self.support = support
        self.account = account
        self.site_origin = site_origin
        self.words: dict[str, str] = {}
        self.prices: dict[str, int] = {}
        self.monthly_reader = Reader.fresh("ada")
        self.annual_reader = Reader.fresh("ben")

    def decide(self, reader: Reader, article: str, *, signed_in: bool = True, mode: str = "consume") -> Json:
        """Ask whether the reader may read a metered article; anonymous ones go by their browser's visitor id."""
        subject = {"reader_id": reader.reader_id} if signed_in else {"visitor_id": reader.visitor_id}
        return self.site.post("/v1/decisions", {**subject, "mode": mode, "article": {"id": article}})

    def state(self, reader: Reader) -> Json:
        """Return the reader's state as the site sees it."""
        return self.site.get(f"/v1/readers/{segment(reader.reader_id)}")

    def cancellation_path(self, reader: Reader) -> str:
        """Return where the reader's cancellation is posted and deleted."""
        return f"/v1/readers/{segment(reader.reader_id)}/cancellation"

    def open_checkout(self, reader: Reader, plan: str) -> Json:
        """Open a checkout and remember it as the reader's."""
        answer = self.site.post(
            "/v1/checkouts",
            {
                "reader_id": reader.reader_id, "email": reader.email, "plan": plan,
                "success_url": f"{self.site_origin}/welcome", "cancel_url": f"{self.site_origin}/offers",
            },
        )  # fmt: skip
        reader.checkout_id, reader.checkout_url = answer["id"], answer["url"]
        return answer

    def pay(self, reader: Reader) -> str:
        """Fill in Stripe's page for the reader's checkout; return where it sends the browser."""
        page = reader.browser.open(reader.checkout_url)
        form, button = form_with(page, "card_number")
        known = {"email": reader.email, **reader.card}
        filled = {name: value for name, value in known.items() if name in form.fields}
        reader.paid_at_seconds = time.monotonic()
        return self._left(reader.browser.submit(form, button, filled))

    def cancel_in_portal(self, reader: Reader) -> None:
        """Cancel as a reader does in Stripe's portal: open it and press the button."""
        portal = self.site.post(
            "/v1/portals", {"reader_id": reader.reader_id, "return_url": f"{self.site_origin}/account"}
        )
        page = reader.browser.open(portal["url"])
        form, button = choose(page, r"^cancel")
        reader.browser.submit(form, button, {})

    def pass_time(self, until: datetime, reader: Reader, article: str) -> Watch:
        """Move the clock to `until` while the reader keeps asking for an article they pay for."""
        watch = Watch()

        def ask() -> None:
            answer = self.decide(reader, article, mode="peek")
            watch.questions += 1
            if answer["entitlement"] is None:  # a payer let in by the free article's room is a payer not recognised
                watch.strange.append(answer["reason"])

        self.account.advance(until, meanwhile=ask)
        self._wait_for_the_service(until)
        ask()
        return watch

    def eventually(self, ask: Callable[[], Json], holds: Callable[[Json], bool]) -> Json:
        """Ask until the answer `holds`, or patience ends; return the last answer either way."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        answer = ask()
        while not holds(answer) and time.monotonic() < give_up_at:
            time.sleep(POLL_SECONDS)
            answer = ask()
        return answer

    def _wait_for_the_service(self, until: datetime) -> None:
        """Wait until the service lives in the clock's month, which is all that it tells of its time."""

        def has_followed(answer: Json) -> bool:
            return datetime.fromisoformat(answer["meter"]["resets_at"]) > until

        self.eventually(
            lambda: self.site.post("/v1/decisions", {"mode": "peek", "article": {"id": "any"}}), has_followed
        )

    def _left(self, arrived: object) -> str:
        if isinstance(arrived, Left) and urlsplit(arrived.address).netloc == urlsplit(self.site_origin).netloc:
            return arrived.address
        shown = arrived.address if isinstance(arrived, Left) else getattr(arrived, "text", "")[:200]
        raise Unexpected(f"Stripe's page did not send the reader back to the site, but showed: {shown}")
