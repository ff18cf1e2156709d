"""The front page and the articles: what a reader sees before, and after, the wall."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from flask import Blueprint, abort, render_template, request
from markupsafe import Markup

from newsstand_client import Article as Asked
from newsstand_client import Decision, Newsstand
from sandbox.site import browsers
from sandbox.site.articles import Article
from sandbox.site.offers import OfferShelf, WallView, offer_page, wall_for
from sandbox.site.today import today

PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Moz")


class Reading:
    """The pages that need no account."""

    def __init__(self, articles: Mapping[str, Article], newsstand: Newsstand, shelf: OfferShelf, site_url: str) -> None:
        self._articles = articles
        self._newsstand = newsstand
        self._shelf = shelf
        self._site_url = site_url

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("reading", __name__)
        blueprint.add_url_rule("/", view_func=self.home)
        blueprint.add_url_rule("/articles/<article_id>", view_func=self.article)
        blueprint.add_url_rule("/subscribe", view_func=self.subscribe)
        return blueprint

    def home(self) -> str:
        """Show the front page; peeking says what is locked, and counts nothing."""
        articles = list(self._articles.values())
        return render_template("home.html", articles=articles, locked=self._locked(articles))

    def article(self, article_id: str) -> str:
        """Show the article, or its opening and the wall; the text of a refused one never reaches the template."""
        article = self._articles.get(article_id) or abort(404)
        decision = self._decide(article, "peek" if request.method == "HEAD" or _is_prefetch() else "consume")
        if _is_prefetch() and decision.meter is not None:
            abort(503)  # the browser forgets it and asks again at the click, which counts; a copy kept would not
        shown = article if decision.granted else replace(article, paragraphs=())
        return render_template(
            "article.html",
            article=shown,
            decision=decision,
            wall=None if decision.granted else self._wall(article, decision),
            markup=_markup(article, f"{self._site_url}/articles/{article.id}", article.published_at(today())),
        )

    def subscribe(self) -> str:
        """Show the offer on a page of its own."""
        offer = self._shelf.get() or abort(503)
        reader = browsers.reader()
        eligible = self._newsstand.reader(reader.reader_id).trial_eligible if reader else True
        return render_template("subscribe.html", wall=offer_page(offer, trial_eligible=eligible))

    def _locked(self, articles: list[Article]) -> set[str]:
        """Return the ids of what this reader would be refused; with the service out of reach, nothing is."""
        asked = [Asked(id=each.id, access=each.access, feature=each.feature) for each in articles]
        decisions = self._newsstand.decide_many(asked, **browsers.who(), mode="peek")
        for decision in decisions:
            browsers.remember_visitor(decision.visitor_id)
        return {
            each.id
            for each, decision in zip(articles, decisions, strict=True)
            if not decision.granted and decision.fallback is None
        }

    def _decide(self, article: Article, mode: Literal["consume", "peek"]) -> Decision:
        decision = self._newsstand.decide(
            article.id,
            **browsers.who(),
            **browsers.came_with(),
            access=article.access,
            feature=article.feature,
            mode=mode,
        )
        browsers.remember_visitor(decision.visitor_id)
        return decision

    def _wall(self, article: Article, decision: Decision) -> WallView | None:
        offer = self._shelf.get()
        if offer is None:
            return None
        return wall_for(decision, offer, signed_in=browsers.reader() is not None, feature=article.feature)


def _is_prefetch() -> bool:
    return any(request.headers.get(name, "").lower().startswith(("prefetch", "preview")) for name in PREFETCH_HEADERS)


def _markup(article: Article, address: str, published_at: datetime) -> Markup:
    """Return schema.org's description, by which a search engine knows a wall from cloaking.

    https://developers.google.com/search/docs/appearance/structured-data/paywalled-content
    """
    is_free = article.access == "free"
    described: dict[str, Any] = {
        "@context": "https://schema.org", "@type": "NewsArticle", "headline": article.title,
        "description": article.standfirst, "url": address, "datePublished": published_at.isoformat(),
        "author": {"@type": "Person", "name": article.author}, "isAccessibleForFree": is_free,
    }  # fmt: skip
    if not is_free:
        described["hasPart"] = {"@type": "WebPageElement", "isAccessibleForFree": False, "cssSelector": ".paywalled"}
    # A data block: browsers never run it, so no Content-Security-Policy concerns it. `<` could still end the element.
    return Markup(json.dumps(described).replace("<", "\\u003c"))  # noqa: S704 - escaped here
