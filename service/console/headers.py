"""Headers of every page: nothing from elsewhere, nothing inline, no frame, no referrer to other sites."""

from __future__ import annotations

from flask import Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # `no-referrer` would take the Origin from our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "X-Robots-Tag": "noindex",
}


def harden(response: Response, *, secure: bool) -> Response:
    """Add them; `secure` where the console is served over https, which browsers are then to insist on."""
    response.headers.update(_ALWAYS)
    if secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
