"""`/openapi.json` and `/docs`: the same document, for machines and for people."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from flask import render_template
from markupsafe import Markup, escape

from service.api import shapes
from service.api.openapi import document
from service.api.operations import Call, Open, Operation, Reply
from service.api.problems import CODES
from service.api.services import Services

_TEMPLATES = Path(__file__).parent / "templates"
_CODE = re.compile("`([^`]+)`")
_CACHED = {"Cache-Control": "public, max-age=300"}


class Documents:
    """The document over `operations` and its own two routes; made when first asked for, then kept."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = (*operations, self._openapi_operation(), self._docs_operation())

    @cached_property
    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return document(self.operations)

    def show_openapi(self, _services: Services, _call: Call) -> Reply:
        """Return the document as JSON."""
        return Reply(status=200, body=self._as_json, headers=_CACHED)

    def show_docs(self, _services: Services, _call: Call) -> Reply:
        """Return the document as a page: no script, nothing from elsewhere."""
        return Reply(status=200, body=self._page, media_type="text/html", headers=_page_headers() | _CACHED)

    @cached_property
    def _as_json(self) -> str:
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def _page(self) -> str:
        style = Markup(_style())  # noqa: S704 - our own file
        helpers = {"as_json": _pretty, "marked": _marked}
        return render_template("docs.html", document=self.document, problems=CODES, style=style, **helpers)

    def _openapi_operation(self) -> Operation:
        return Operation(
            method="GET",
            path="/openapi.json",
            name="openapi",
            tag="For operators",
            summary="This document",
            access=Open.PUBLIC,
            view=self.show_openapi,
            answers={200: shapes.Document},
        )

    def _docs_operation(self) -> Operation:
        return Operation(
            method="GET",
            path="/docs",
            name="docs",
            tag="For operators",
            summary="This document as a page",
            access=Open.PUBLIC,
            view=self.show_docs,
            answers={200: "text/html"},
        )


@cache
def _style() -> str:
    return (_TEMPLATES / "docs.css").read_text(encoding="utf-8")


def _page_headers() -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _marked(text: str | None) -> Markup:
    """Return the text with what stands between backticks as code; everything else is escaped."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text or ""))))  # noqa: S704 - escaped just before
