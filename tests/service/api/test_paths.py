"""A word that is a path of its own is no id in its sibling's place."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from service.api.paths import Other, rule_of, shown
from service.api.routes import OPERATIONS

EVERY = ["/e", "/e/{id}", "/e/many", "/e/some.csv", "/e/{id}/again", "/e/many/more", "/f/{id}"]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/e/{id}", "/e/<other('many', 'some.csv'):id>"),
        ("/e/{id}/again", "/e/<id>/again"),
        ("/e/many", "/e/many"),
        ("/f/{id}", "/f/<id>"),
    ],
)
def test_a_rule_leaves_out_its_siblings(path: str, rule: str) -> None:
    """Those that differ in this one step alone; people are shown it without."""
    assert rule_of(path, EVERY) == rule
    assert shown(rule) == path.replace("{", "<").replace("}", ">")


@pytest.mark.parametrize("id_", ["many-others", "a many", "manyfold", "m", "some,csv"])
def test_what_only_looks_like_the_word_is_an_id(id_: str) -> None:
    """Whole words are left out, as they are written."""
    rules = Map([Rule(rule_of("/e/{id}", EVERY), endpoint="one")], converters={"other": Other}).bind("here")
    assert rules.match(f"/e/{id_}") == ("one", {"id": id_})
    for word in ("many", "some.csv"):
        with pytest.raises(NotFound):
            rules.match(f"/e/{word}")


def test_a_path_allows_what_the_document_says_of_it(api: Any) -> None:
    """Each, asked by a method that no route has: `Allow` names the document's methods (and HEAD beside GET) alone."""
    rules = api.app.url_map.bind("here")
    for path in {each.path for each in OPERATIONS}:
        with pytest.raises(MethodNotAllowed) as refused:
            rules.match(path.replace("{", "").replace("}", ""), method="TRACE")
        declared = {each.method for each in OPERATIONS if each.path == path}
        assert set(refused.value.valid_methods or ()) - {"HEAD"} == declared, path
