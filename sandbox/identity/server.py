"""The provider as a server on 127.0.0.1: discovery, keys, a page to choose a person, tokens."""

from __future__ import annotations

import socket
import threading
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask, Response, jsonify, render_template, request
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sandbox.identity.grants import Client, CodeGrant, SignedToken
from sandbox.identity.people import PEOPLE, person
from sandbox.identity.twists import Twist


class IdentityProvider:
    """A provider with one client. `twist` is what becomes of the next ID token; `asked` are authorization requests."""

    def __init__(
        self, *, port: int = 0, client_id: str, client_secret: str, redirect_uri: str, key: RSAKey | None = None
    ) -> None:
        self._client = Client(client_id, client_secret, redirect_uri)
        self._key = key or RSAKey.generate_key(2048, {"kid": "sandbox-1"})
        self.twist = Twist()
        self.asked: list[dict[str, str]] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=16)
        self.issuer = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        port = self._listener.getsockname()[1]
        self._server = ThreadedWSGIServer("127.0.0.1", port, self._app(), handler=_Quiet, fd=self._listener.fileno())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> str:
        """Begin to answer; return the issuer."""
        self._thread.start()
        return self.issuer

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._listener.close()
        self._thread.join()

    def new_key(self) -> None:
        """Sign with another key from now on, as providers do every few weeks."""
        self._key = RSAKey.generate_key(2048, {"kid": "sandbox-2"})
        self._server.app = self._app()

    def __enter__(self) -> IdentityProvider:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _app(self) -> Flask:
        app = Flask("sandbox.identity")
        server = AuthorizationServer(app, self._known, lambda *_: None)
        grant = type("Grant", (CodeGrant,), {"codes": {}})
        server.register_grant(grant, [SignedToken(self.issuer, self._key, self._take_twist), CodeChallenge()])
        app.add_url_rule("/.well-known/openid-configuration", "discovery", lambda: jsonify(self._metadata()))
        app.add_url_rule("/keys", "keys", lambda: jsonify(KeySet([self._key]).as_dict(private=False)))
        app.add_url_rule("/authorize", "choose", lambda: self._choose(server))
        app.add_url_rule("/authorize", "authorize", lambda: _authorized(server), methods=["POST"])
        app.add_url_rule("/token", "token", server.create_token_response, methods=["POST"])
        return app

    def _known(self, client_id: str) -> Client | None:
        return self._client if client_id == self._client.client_id else None

    def _take_twist(self) -> Twist:
        taken, self.twist = self.twist, Twist()
        return taken

    def _choose(self, server: Any) -> Response:
        """Show who can sign in; choosing is all there is to signing in here."""
        try:
            server.get_consent_grant(end_user=None)
        except OAuth2Error as error:
            return Response(f"This request is none: {error.error}", status=400, mimetype="text/plain")
        self.asked.append(request.args.to_dict())
        return Response(render_template("choose.html", people=PEOPLE))

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }


def _authorized(server: Any) -> Any:
    """Answer the choice: back to the client with a code, or with its refusal."""
    who = person(request.form.get("person", ""))
    grant = server.get_consent_grant(end_user=who)
    return server.create_authorization_response(grant_user=who, grant=grant)


class _Quiet(WSGIRequestHandler):
    """One answer a connection, nothing logged: requests carry codes."""

    wbufsize = -1

    def log_request(self, *_details: Any) -> None:
        """Log nothing."""
