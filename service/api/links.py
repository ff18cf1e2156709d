"""`POST /v1/links`: a signed link for a newsletter or a social post."""

from __future__ import annotations

from service.api import present, schemas, shapes
from service.api.operations import Call, Operation, Reply, answer
from service.api.services import Services
from service.store.api_keys import Scope


def mint_link(services: Services, call: Call) -> Reply:
    """Sign a link; nothing is stored."""
    link = services.signed_links.mint(
        call.body["article"],
        label=call.body["label"] or "",
        expires_at=call.body["expires_at"],
        days=call.body["days"],
    )
    return answer(201, present.signed_link(link))


MINT_LINK = Operation(
    method="POST",
    path="/v1/links",
    name="mint_link",
    tag="For the site",
    summary="Sign a link that opens one article",
    description=(
        "For newsletters and social posts: put the `token` into the article's address and pass it back as `link` of a "
        "decision. It opens this article to everyone who follows it, uncounted, until `expires_at`: give that, or "
        "`days`. Nothing is stored, so a link cannot be called back; a `label` can be read in the token."
    ),
    access=Scope.DECIDE,
    view=mint_link,
    body_schema=schemas.LinkCreate,
    answers={201: shapes.SignedLink},
    example_body={"article": "belgorod-incursion", "days": 7, "label": "morning-letter"},
    example_answer={
        "token": "1794906000.morning-letter.3q2-7wEXAMPLEsignature0",
        "article": "belgorod-incursion",
        "label": "morning-letter",
        "expires_at": "2026-11-17T09:00:00Z",
    },
)
