"""A reader whose customer was deleted at Stripe can buy again, as somebody who has had a trial."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from service.store import accounts


def test_a_deleted_customer_is_replaced_at_the_next_checkout(shop: Any) -> None:
    """Access ended with the deletion; the next purchase makes another payer of the same reader, without a trial."""
    shop.subscribe("r-1")
    old = _customer(shop, "r-1")
    shop.client.v1.customers.delete(old)
    checkout = shop.open("r-1")
    assert _customer(shop, "r-1") != old
    assert shop.status("r-1") in {"none", "ended"}
    assert not checkout.trial.eligible
    assert shop.pay(checkout).status_code == 303
    assert shop.services.checkouts.outcome(checkout.id).status == "complete"
    assert shop.status("r-1") == "active"


def test_an_open_page_of_the_deleted_customer_is_not_handed_out_again(shop: Any) -> None:
    """Nothing can be bought on it any more; the one that takes its place sells."""
    before = shop.open("r-1")
    shop.client.v1.customers.delete(_customer(shop, "r-1"))
    checkout = shop.open("r-1")
    assert (checkout.created, shop.services.checkouts.outcome(before.id).status) == (True, "expired")
    assert shop.pay(checkout).status_code == 303
    assert shop.services.checkouts.outcome(checkout.id).status == "complete"
    assert shop.status("r-1") == "trialing"


def test_parallel_checkouts_after_a_deletion_share_one_new_customer(shop: Any) -> None:
    """Two tabs after the deletion are one payer with one page to pay on."""
    shop.subscribe("r-1")
    old = _customer(shop, "r-1")
    shop.client.v1.customers.delete(old)
    with ThreadPoolExecutor(8) as pool:
        opened = {each.id for each in pool.map(lambda _: shop.open("r-1"), range(8))}
    assert len(opened) == 1
    assert len(shop.open_sessions()) == 1


def test_late_news_of_the_deleted_customer_change_nothing(shop: Any) -> None:
    """A sync of the old customer, however late, leaves what the reader has bought since."""
    shop.subscribe("r-1")
    old = _customer(shop, "r-1")
    shop.client.v1.customers.delete(old)
    checkout = shop.open("r-1")
    shop.pay(checkout)
    shop.services.checkouts.outcome(checkout.id)
    shop.core.sync_now(old)
    assert shop.status("r-1") == "active"


def _customer(shop: Any, reader_id: str) -> str:
    with shop.core.engine.connect() as connection:
        account = accounts.find(connection, reader_id)
    assert account is not None
    assert account.customer_id is not None
    found: str = account.customer_id
    return found
