"""`/v1/readers/{reader_id}/gifts`: articles that a subscriber opens to others."""

from __future__ import annotations

from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.store.api_keys import Scope

_GIFT = {
    "token": "1795510800.all-Xk3vP0aLw9Qe.3q2-7wEXAMPLEsignature0",
    "article": "belgorod-incursion",
    "given_at": "2026-11-10T09:00:00Z",
    "expires_at": "2026-11-24T09:00:00Z",
}
_BOX = {"per_month": 5, "remaining": 4, "resets_at": "2026-12-01T00:00:00+01:00"}


def give(services: Services, call: Call) -> Reply:
    """Give the article away, or return the gift that it is already."""
    gift, box = services.gifts.give(call.path["reader_id"], call.body["article"])
    value = present.gift(gift) | present.gift_box(box, services.catalog.zone)
    return answer(201 if gift.created else 200, value)


def show_gifts(services: Services, call: Call) -> Reply:
    """Return what the reader may still give, and the gifts that are open."""
    box = services.gifts.box(call.path["reader_id"])
    data = [present.gift(each) for each in box.gifts]
    return answer(200, present.gift_box(box, services.catalog.zone) | {"data": data})


GIVE = Operation(
    method="POST",
    path="/v1/readers/{reader_id}/gifts",
    name="give_article",
    tag="For the site",
    summary="Let a subscriber give an article away",
    description=(
        "Put the `token` into the article's address for the reader to share; pass it back as `gift` of a decision: "
        "whoever has it reads this article, uncounted, until `expires_at`. An article whose gift is open is given "
        "again with the same token (200) and costs nothing. A gift cannot be called back; it outlives its giver's "
        "subscription."
    ),
    access=Scope.DECIDE,
    view=give,
    path_schema=schemas.ReaderPath,
    body_schema=schemas.GiftCreate,
    answers={201: shapes.GivenGift, 200: shapes.GivenGift},
    problems=("no_entitlement", "no_gifts_left", "gifts_off"),
    example_body={"article": "belgorod-incursion"},
    example_answer=_GIFT | _BOX,
)

SHOW_GIFTS = Operation(
    method="GET",
    path="/v1/readers/{reader_id}/gifts",
    name="show_gifts",
    tag="For the site",
    summary="What a reader may still give away",
    description="And the gifts that are open now, the newest first.",
    access=Scope.DECIDE,
    view=show_gifts,
    path_schema=schemas.ReaderPath,
    answers={200: shapes.Gifts},
    problems=("gifts_off", "database_unavailable"),
    example_answer=_BOX | {"data": [_GIFT]},
)
