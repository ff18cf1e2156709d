"""Bring Stripe's products, prices and portal in step with plans.yaml; running it again changes nothing.

A Price's amount can never be edited at Stripe. A changed price is therefore a new Price, which takes the lookup key
over; the old one is no longer sold, but its subscribers keep it, and its `metadata.newsstand_plan` keeps their plan.
Every step leaves a state from which the next run finishes, so an interrupted run is repaired by another.
"""

from __future__ import annotations

from collections.abc import Iterator

import stripe

from service.catalog.change import Change
from service.catalog.portal import PORTAL_METADATA, portal_changes
from service.domain.catalog import Catalog, Plan
from service.domain.money import Money

__all__ = ["PORTAL_METADATA", "Change", "apply", "diff"]

PLAN_METADATA = "newsstand_plan"


def diff(client: stripe.StripeClient, catalog: Catalog) -> list[Change]:
    """Return what `apply` would do now, in order; raises stripe.StripeError."""
    sold = _prices_on_sale(client)
    changes: list[Change] = []
    for plan in catalog.plans:
        changes += _product_changes(client, catalog, plan)
        changes += _price_changes(client, plan, [price for price in sold if _plan_of(price) == plan.id])
    gone = [price for price in sold if catalog.plan(_plan_of(price) or "") is None]
    changes += [_retirement(client, price, str(_plan_of(price))) for price in gone]
    changes += portal_changes(client, catalog)
    return changes


def apply(client: stripe.StripeClient, catalog: Catalog) -> list[Change]:
    """Do what `diff` finds, and return what was done; raises stripe.StripeError at the first step that fails."""
    changes = diff(client, catalog)
    for change in changes:
        change.run()
    return changes


def _product_changes(client: stripe.StripeClient, catalog: Catalog, plan: Plan) -> Iterator[Change]:
    name = f"{catalog.publication} – {plan.id.replace('_', ' ').capitalize()}"
    metadata = {PLAN_METADATA: plan.id}
    product = _find_product(client, plan)
    if product is None:
        yield Change(
            f"create product {plan.lookup_key} “{name}”",
            lambda: client.v1.products.create({"id": plan.lookup_key, "name": name, "metadata": metadata}),
        )
    elif product.name != name or not product.active or product.metadata.to_dict().get(PLAN_METADATA) != plan.id:
        yield Change(
            f"update product {product.id}: “{name}”, on sale",
            lambda: client.v1.products.update(product.id, {"name": name, "active": True, "metadata": metadata}),
        )


def _find_product(client: stripe.StripeClient, plan: Plan) -> stripe.Product | None:
    """Return the plan's product: it has the plan's lookup key as its id, so it can't be made twice."""
    try:
        return client.v1.products.retrieve(plan.lookup_key)
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            return None
        raise


def _price_changes(client: stripe.StripeClient, plan: Plan, sold: list[stripe.Price]) -> Iterator[Change]:
    """Yield the steps from the prices `sold` for the plan to the one it should be sold at."""
    current = _find_price(client, plan)
    if current is not None and _plan_of(current) != plan.id:
        yield Change(f"mark price {current.id} as plan {plan.id}", lambda: _mark(client, current, plan))
    if current is None or not is_price_of(current, plan):
        yield Change(f"create price {_rate(plan)} for plan {plan.id}", lambda: _create_price(client, plan))
        yield from (_retirement(client, price, plan.id) for price in _with(sold, current))
        return
    if not current.active:
        yield Change(f"sell price {current.id} again", lambda: client.v1.prices.update(current.id, {"active": True}))
    yield from (_retirement(client, price, plan.id) for price in sold if price.id != current.id)


def _with(sold: list[stripe.Price], replaced: stripe.Price | None) -> list[stripe.Price]:
    if replaced is None or not replaced.active or replaced.id in {price.id for price in sold}:
        return sold
    return [*sold, replaced]


def is_price_of(price: stripe.Price, plan: Plan) -> bool:
    """Tell whether `price` charges exactly what `plan` promises."""
    recurring = price.recurring
    return (
        recurring is not None
        and (recurring.interval, recurring.interval_count) == (plan.interval, 1)
        and price.unit_amount == plan.price.amount_minor
        and price.currency == plan.price.currency
    )


def _create_price(client: stripe.StripeClient, plan: Plan) -> None:
    client.v1.prices.create(
        {
            "product": plan.lookup_key,
            "currency": plan.price.currency,
            "unit_amount": plan.price.amount_minor,
            "recurring": {"interval": "year" if plan.interval == "year" else "month"},
            "lookup_key": plan.lookup_key,
            "transfer_lookup_key": True,
            "metadata": {PLAN_METADATA: plan.id},
        }
    )


def _mark(client: stripe.StripeClient, price: stripe.Price, plan: Plan) -> None:
    client.v1.prices.update(price.id, {"metadata": {PLAN_METADATA: plan.id}})


def _retirement(client: stripe.StripeClient, price: stripe.Price, plan_id: str) -> Change:
    amount = Money(price.unit_amount or 0, price.currency).display
    line = f"stop selling price {price.id} ({amount}) of plan {plan_id}; its subscribers keep it"
    return Change(line, lambda: client.v1.prices.update(price.id, {"active": False}))


def _find_price(client: stripe.StripeClient, plan: Plan) -> stripe.Price | None:
    return next(iter(client.v1.prices.list({"lookup_keys": [plan.lookup_key], "limit": 1}).data), None)


def _prices_on_sale(client: stripe.StripeClient) -> list[stripe.Price]:
    """Return the account's active prices that are ours; other products on the account are left alone."""
    every = client.v1.prices.list({"active": True, "limit": 100}).auto_paging_iter()
    return [price for price in every if _plan_of(price) is not None]


def _plan_of(price: stripe.Price) -> str | None:
    plan = price.metadata.to_dict().get(PLAN_METADATA)
    return str(plan) if plan else None


def _rate(plan: Plan) -> str:
    return f"{plan.price.display} per {plan.interval}"
