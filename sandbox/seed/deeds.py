"""Each deed as it reaches the service, Stripe's pages, or a bank: over HTTP, as everybody does it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from sandbox.seed.articles import chosen
from sandbox.seed.at_stripe import Bank, NothingToDo
from sandbox.seed.lives import Act
from sandbox.seed.names import Reader
from sandbox.tour.api import Api, Json, Refusal, segment
from sandbox.tour.browser import Browser, choose, form_with
from sandbox.tour.forms import Page
from sandbox.tour.steps import Unexpected

FAILS_LATER = "4000000000000341"
"""Stripe's public test card that can be saved, and never charged."""
COURTESY_DAYS = 30


class Deeds:
    """Does what a year's acts say. `done` and `refused` count; a refusal in good order is part of life."""

    def __init__(self, site: Api, support: Api, bank: Bank, *, site_origin: str, seed: int) -> None:
        self._site = site
        self._support = support
        self._bank = bank
        self._origin = site_origin
        self._seed = seed
        self._known: set[str] = set()
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def do(self, reader: Reader, act: Act) -> None:
        """Do one act; raise Unexpected, or a requests' error, for what no state of a reader explains."""
        deed: Callable[[Reader, Act], None] = getattr(self, f"_{act.deed}")
        try:
            deed(reader, act)
        except Refusal as refused:
            if refused.status >= 500:
                raise
            self.refused[act.deed] += 1
        except NothingToDo:
            self.refused[act.deed] += 1
        else:
            self.done[act.deed] += 1

    # Readers, at the site ----------------------------------------------------------------------------------

    def _visit(self, reader: Reader, act: Act) -> None:
        dice = random.Random(f"{self._seed} {reader.number} {act.day}")
        known = {"reader_id": reader.reader_id} if reader.reader_id in self._known else {}
        for article in chosen(dice, 4) if act.argument else chosen(dice, 2):
            self._site.post("/v1/decisions", {"visitor_id": reader.visitor_id, **known, "article": article})

    def _subscribe(self, reader: Reader, act: Act) -> None:
        plan, _, card = act.argument.partition(" ")
        opened = self._checkout(reader, plan)
        browser = Browser()
        form, button = form_with(browser.open(opened["url"]), "card_number")
        filled = {"email": reader.email, **_card(FAILS_LATER if card else reader.card)}
        browser.submit(form, button, {name: value for name, value in filled.items() if name in form.fields})
        self._site.get(f"/v1/checkouts/{opened['id']}")

    def _abandon(self, reader: Reader, act: Act) -> None:
        self._checkout(reader, act.argument)

    def _checkout(self, reader: Reader, plan: str) -> Json:
        self._known.add(reader.reader_id)
        return self._site.post(
            "/v1/checkouts",
            {
                "reader_id": reader.reader_id, "email": reader.email, "plan": plan,
                "success_url": f"{self._origin}/welcome", "cancel_url": f"{self._origin}/subscribe",
            },
        )  # fmt: skip

    def _cancel(self, reader: Reader, act: Act) -> None:
        self._site.post(f"{_at(reader)}/cancellation", {"reason": act.argument})

    def _undo(self, reader: Reader, _act: Act) -> None:
        self._site.delete(f"{_at(reader)}/cancellation")

    def _change_plan(self, reader: Reader, act: Act) -> None:
        quote = self._site.post(f"{_at(reader)}/plan-changes", {"plan": act.argument, "preview": True})
        self._site.post(f"{_at(reader)}/plan-changes", {"plan": act.argument, "quoted_at": quote["quoted_at"]})

    def _give(self, reader: Reader, act: Act) -> None:
        article = chosen(random.Random(f"{self._seed} gift {reader.number} {act.day}"), 1)[0]
        self._site.post(f"{_at(reader)}/gifts", {"article": article["id"]})

    # Readers, in Stripe's portal ---------------------------------------------------------------------------

    def _cancel_in_portal(self, reader: Reader, _act: Act) -> None:
        browser, page = self._portal(reader)
        _press(browser, page, "^cancel")

    def _worse_card(self, reader: Reader, _act: Act) -> None:
        self._card_in_portal(reader, FAILS_LATER)

    def _new_card(self, reader: Reader, _act: Act) -> None:
        browser, page = self._card_in_portal(reader, reader.card)
        _press(browser, page, "^pay now")

    def _card_in_portal(self, reader: Reader, card: str) -> tuple[Browser, Page]:
        browser, page = self._portal(reader)
        form, button = form_with(page, "card_number")
        shown = browser.submit(form, button, {**form.fields, **_card(card)})
        if not isinstance(shown, Page):
            raise Unexpected(f"the portal led away to {shown.address}")
        return browser, shown

    def _portal(self, reader: Reader) -> tuple[Browser, Page]:
        asked = {"reader_id": reader.reader_id, "return_url": f"{self._origin}/account"}
        browser = Browser()
        return browser, browser.open(self._site.post("/v1/portals", asked)["url"])

    # Staff, and banks --------------------------------------------------------------------------------------

    def _refund(self, reader: Reader, act: Act) -> None:
        paid = [each for each in self._seen(reader)["invoices"] if each["paid"]["amount"] > 0]
        if not paid:
            raise NothingToDo
        asked = {"invoice": paid[0]["id"], "reason": act.argument}
        self._support.post(f"/v1/support/accounts/{segment(reader.reader_id)}/refunds", asked)

    def _note(self, reader: Reader, act: Act) -> None:
        self._support.post(f"/v1/support/accounts/{segment(reader.reader_id)}/notes", {"body": act.argument})

    def _courtesy(self, reader: Reader, act: Act) -> None:
        until = self._bank.later(COURTESY_DAYS).isoformat()
        asked = {"until": until, "reason": act.argument}
        self._support.post(f"/v1/support/accounts/{segment(reader.reader_id)}/grants", asked)

    def _dispute(self, reader: Reader, act: Act) -> None:
        made = self._bank.lever("disputes", charge=self._charge(reader), reason="product_not_received")
        if act.argument:
            self._bank.lever(f"disputes/{made['id']}", status=act.argument)

    def _warn(self, reader: Reader, _act: Act) -> None:
        self._bank.lever("early_fraud_warnings", charge=self._charge(reader))

    def _charge(self, reader: Reader) -> str:
        found = self._bank.newest_charge(self._seen(reader)["customer_id"] or "")
        if found is None:
            raise NothingToDo
        return found

    def _seen(self, reader: Reader) -> dict[str, Any]:
        return self._support.get(f"/v1/support/accounts/{segment(reader.reader_id)}")


def _at(reader: Reader) -> str:
    return f"/v1/readers/{segment(reader.reader_id)}"


def _card(number: str) -> dict[str, str]:
    return {"card_number": number, "card_expiry": "12 / 99", "card_cvc": "123"}


def _press(browser: Browser, page: Page, label: str) -> None:
    """Press a button of the portal, if it is there: without a running subscription there is none."""
    try:
        form, button = choose(page, label)
    except Unexpected:
        raise NothingToDo from None
    browser.submit(form, button, {})
