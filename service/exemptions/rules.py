"""The one judgement of who reads without the meter: from tokens, address and user agent, asking no server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from service.domain.catalog import CrawlerTerms, ExemptionTerms
from service.domain.decision import Access, Article, Reason
from service.exemptions.network_files import crawler_networks_in, institutions_in
from service.exemptions.ranges import Address, Ranges
from service.exemptions.tokens import GIFT_OF_ALL, Token, TokenKind, Tokens


class Evidence(NamedTuple):
    """What the site passed along about the request that it answers."""

    client_ip: Address | None = None
    user_agent: str | None = None
    gift: str | None = None
    link: str | None = None


NO_EVIDENCE = Evidence()


@dataclass(frozen=True)
class KnownNetworks:
    """Addresses that open articles, those that need a feature only if it is among `features`.

    With `user_agent`, a casefolded word, the address alone is not enough: the user agent must hold it too.
    """

    reason: Reason
    ranges: Ranges
    features: tuple[str, ...]
    user_agent: str | None = None

    def hold(self, address: Address, user_agent: str) -> bool:
        """Tell whether a request from `address` by `user_agent` (casefolded) is one of theirs."""
        return (self.user_agent is None or self.user_agent in user_agent) and address in self.ranges

    def open(self, article: Article) -> bool:
        """Tell whether their requests may read the article."""
        return article.feature is None or article.feature in self.features


class Exemptions:
    """Judges by what each part of the evidence opens; the first that opens the article gives the reason."""

    def __init__(self, tokens: Tokens, networks: Iterable[KnownNetworks] = ()) -> None:
        self._tokens = tokens
        self._networks = tuple(networks)
        self._all = Ranges(network for each in self._networks for network in each.ranges.networks)

    def reasons(self, evidence: Evidence, articles: Sequence[Article], now: datetime) -> Mapping[int, Reason]:
        """Return why articles are open to whoever asks at business `now`, by their place; the others are for the meter.

        What is no token opens nothing; a free article needs no reason.
        """
        if evidence.gift is None and evidence.link is None and evidence.client_ip is None:
            return {}
        theirs = self._networks_of(evidence)
        if not theirs and evidence.gift is None and evidence.link is None:
            return {}  # as nearly always; looking at each article of a batch would cost a tenth of it
        asked = ((place, article) for place, article in enumerate(articles) if article.access is not Access.FREE)
        found = ((place, self._reason(evidence, theirs, article, now)) for place, article in asked)
        return {place: reason for place, reason in found if reason is not None}

    def _reason(
        self, evidence: Evidence, theirs: Sequence[KnownNetworks], article: Article, now: datetime
    ) -> Reason | None:
        gift = self._read(TokenKind.GIFT, evidence.gift, article, now)
        if gift is not None and (article.feature is None or gift.name.startswith(GIFT_OF_ALL)):
            return Reason.GIFT
        if self._read(TokenKind.LINK, evidence.link, article, now) is not None:
            return Reason.SIGNED_LINK
        return next((each.reason for each in theirs if each.open(article)), None)

    def _read(self, kind: TokenKind, token: str | None, article: Article, now: datetime) -> Token | None:
        return None if token is None else self._tokens.read(kind, token, article.id, now)

    def _networks_of(self, evidence: Evidence) -> Sequence[KnownNetworks]:
        if evidence.client_ip is None or evidence.client_ip not in self._all:
            return ()
        user_agent = (evidence.user_agent or "").casefold()
        return [each for each in self._networks if each.hold(evidence.client_ip, user_agent)]


def load_networks(terms: ExemptionTerms, folder: Path) -> list[KnownNetworks]:
    """Return the networks that the terms name, from files in `folder`; raises ConfigurationError saying why not."""
    institutions = terms.institutions
    found = [_crawler(each, folder) for each in terms.crawlers]
    if institutions is None:
        return found
    ranges = institutions_in(folder / institutions.file)
    return [KnownNetworks(Reason.INSTITUTION, ranges, institutions.features), *found]


def _crawler(terms: CrawlerTerms, folder: Path) -> KnownNetworks:
    ranges = crawler_networks_in(folder / terms.file)
    return KnownNetworks(Reason.CRAWLER, ranges, terms.features, terms.user_agent.casefold())
