"""What a browser knows of a page: its title, its forms and its links."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

_UNSENT = frozenset({"submit", "button", "reset", "image", "file"})


@dataclass
class Button:
    """A button that submits its form; `name` is empty when it sends nothing of its own."""

    name: str
    value: str
    text: str


@dataclass
class Form:
    """A form: where it goes, and what it sends unless something else is filled in."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)


@dataclass
class Page:
    """A page as read; addresses are absolute."""

    address: str
    forms: list[Form] = field(default_factory=list)
    text: str = ""


def read_page(address: str, html: str) -> Page:
    """Return the forms and the visible text of `html`, which came from `address`."""
    reader = _Reader(address)
    reader.feed(html)
    reader.close()
    reader.page.text = " ".join(" ".join(reader.words).split())
    return reader.page


class _Reader(HTMLParser):
    """Gathers forms; a control outside any form is nobody's."""

    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page(address)
        self.words: list[str] = []
        self._form: Form | None = None
        self._button: Button | None = None
        self._select: str | None = None
        self._textarea: str | None = None
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"style", "script"}:
            self._unseen += 1
        elif tag == "form":
            action = urljoin(self.page.address, given.get("action", ""))
            self._form = Form(action, given.get("method", "get").lower())
            self.page.forms.append(self._form)
        elif self._form is not None and "disabled" not in given:
            self._control(self._form, tag, given)

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "button" and given.get("type", "submit") == "submit":
            self._button = Button(name, given.get("value", ""), "")
            form.buttons.append(self._button)
        elif tag == "input":
            _input(form, name, given)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if self._select not in form.fields or "selected" in given:  # a browser sends the first by default
                form.fields[self._select] = given.get("value", "")
        elif tag == "textarea" and name:
            form.fields[name] = ""
            self._textarea = name

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "button":
            self._button = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None
        elif tag in {"style", "script"}:
            self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._button.text = " ".join(f"{self._button.text} {data}".split())
        elif self._textarea is not None and self._form is not None:
            self._form.fields[self._textarea] += data
        elif not self._unseen:
            self.words.append(data)


def _input(form: Form, name: str, given: dict[str, str]) -> None:
    kind = given.get("type", "text").lower()
    if kind == "submit":
        form.buttons.append(Button(name, given.get("value", ""), given.get("value", "Submit")))
    elif not name or kind in _UNSENT:
        return
    elif kind in {"checkbox", "radio"}:
        if "checked" in given:
            form.fields[name] = given.get("value", "on")
    else:
        form.fields[name] = given.get("value", "")
