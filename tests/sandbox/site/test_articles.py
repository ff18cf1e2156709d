"""The newspaper has enough in it to show every way an article can be sold."""

from __future__ import annotations

from sandbox.site.app import STATIC
from sandbox.site.articles import load_articles


def test_every_way_to_sell_an_article_is_there() -> None:
    """At least six articles: metered ones, a free one, one for subscribers, one that needs the archives."""
    articles = load_articles().values()
    assert len(articles) >= 6
    assert {each.access for each in articles} == {"metered", "free", "subscribers"}
    assert [each.feature for each in articles if each.feature] == ["archives"]
    assert sum(each.access == "metered" and each.feature is None for each in articles) >= 3


def test_every_article_is_whole() -> None:
    """Each has its opening, a text that a wall can withhold, and a picture of our own."""
    for each in load_articles().values():
        assert each.title
        assert each.standfirst
        assert len(each.paragraphs) >= 4
        assert (STATIC / f"{each.id}.svg").exists()


def test_no_opening_gives_the_text_away() -> None:
    """What is shown to everybody holds no paragraph of the text."""
    for each in load_articles().values():
        assert all(paragraph not in f"{each.title} {each.standfirst}" for paragraph in each.paragraphs)


def test_pictures_fetch_nothing() -> None:
    """No picture refers to anything elsewhere, nor runs a script."""
    for picture in STATIC.glob("*.svg"):
        text = picture.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not any(word in text for word in ("http", "<script", "href", "style=", "<image"))
