"""For who asks the gate without being a reader: a look that leaves nothing in the journal."""

from __future__ import annotations

from service.domain.decision import Article, Decision
from service.journal.entry import OutageTerms


class Silent:
    """Remembers nothing: support's looks are no walls that a reader met."""

    def note(
        self,
        article: Article,
        decision: Decision,
        *,
        reader_id: str | None,
        visitor_id: str | None,
        consume: bool,
        degraded: str | None,
        outage: OutageTerms | None,
    ) -> None:
        """Remember nothing."""
