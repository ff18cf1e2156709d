"""Giving an article away: a subscriber gets a link to share."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, abort, flash, render_template, url_for
from werkzeug.wrappers import Response

from newsstand_client import Conflict, Newsstand
from sandbox.site import browsers
from sandbox.site.articles import Article

_WORDS = {
    "no_entitlement": "Only subscribers can give articles away.",
    "no_gifts_left": "You have given away all of this month's articles.",
}


class Gifts:
    """The page behind "Gift this article"."""

    def __init__(self, articles: Mapping[str, Article], newsstand: Newsstand, site_url: str) -> None:
        self._articles = articles
        self._newsstand = newsstand
        self._site_url = site_url

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("gifts", __name__)
        blueprint.before_request(browsers.require_reader)
        blueprint.add_url_rule("/articles/<article_id>/gift", view_func=self.give, methods=["POST"])
        return blueprint

    def give(self, article_id: str) -> Response | str:
        """Show the link that opens the article to whoever follows it."""
        article = self._articles.get(article_id) or abort(404)
        try:
            gift = self._newsstand.give_article(browsers.signed_in().reader_id, article.id)
        except Conflict as refusal:
            flash(_WORDS.get(refusal.code, "Articles cannot be given away at the moment."))
            return browsers.see(url_for("reading.article", article_id=article.id))
        link = f"{self._site_url}{url_for('reading.article', article_id=article.id, gift=gift.token)}"
        return render_template("gift.html", article=article, gift=gift, link=link)
