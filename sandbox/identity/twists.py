"""What a provider that errs or lies would sign, for one token: tests of the side that must not believe it ask so."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


@dataclass
class Twist:
    """`claims` replace those of the token, None takes one away; `signed` is how: well, none, secret, stranger."""

    claims: dict[str, Any] = field(default_factory=dict)
    signed: str = "well"

    def token(self, claims: dict[str, Any], key: RSAKey, client_secret: str) -> str:
        """Return the ID token."""
        told = {name: value for name, value in (claims | self.claims).items() if value is not None}
        if self.signed == "none":
            return f"{_encoded({'alg': 'none'})}.{_encoded(told)}."
        if self.signed == "secret":
            return str(jwt.encode({"alg": "HS256"}, told, OctKey.import_key(client_secret), ["HS256"]))
        used = key if self.signed == "well" else RSAKey.generate_key(2048, {"kid": key.kid or ""})
        return str(jwt.encode({"alg": "RS256", "kid": key.kid}, told, used, ["RS256"]))


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
