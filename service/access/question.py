"""What the door is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from service.domain.decision import Article, Decision
from service.exemptions.rules import NO_EVIDENCE, Evidence


class Question(NamedTuple):
    """What the site asks: one article or a page of teasers, one subject, one request's evidence.

    With both ids the reader is the subject and the visitor is linked.
    """

    articles: Sequence[Article]
    reader_id: str | None
    visitor_id: str | None
    consume: bool
    evidence: Evidence = NO_EVIDENCE


class Answer(NamedTuple):
    """The decision, the visitor it was about (freshly minted when neither id came), and what was missing.

    `degraded` is None, `redis` or `database`.
    """

    decision: Decision
    visitor_id: str | None
    degraded: str | None
