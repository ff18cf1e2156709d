"""The authorization code flow with PKCE, as Authlib implements it; codes are kept in memory."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import RSAKey

from sandbox.identity.people import Person, person
from sandbox.identity.twists import Twist

LIFETIME_SECONDS = 60


@dataclass(frozen=True)
class Client:
    """The one registration: the console's."""

    client_id: str
    client_secret: str
    redirect_uri: str

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope.split() if each in {"openid", "email", "profile"})

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret.encode(), self.client_secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True)
class Code:
    """A code that was given out, and what it was asked with."""

    code: str
    subject: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    made_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.made_at)

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """One use, one minute."""

    codes: dict[str, Code]

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        self.codes[code] = Code(
            code, request.user.subject, request.payload.redirect_uri, request.payload.scope, asked.get("nonce"),
            asked["code_challenge"], asked["code_challenge_method"], time.time(),
        )  # fmt: skip

    def query_authorization_code(self, code: str, _client: Client) -> Code | None:
        found = self.codes.pop(code, None)
        return found if found is not None and time.time() - found.made_at < LIFETIME_SECONDS else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.codes.pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code: Code) -> Person | None:
        return person(authorization_code.subject)


class SignedToken(OpenIDCode):  # type: ignore[misc]
    """ID tokens, signed with the provider's key, or twisted as a test has asked for the next one."""

    def __init__(self, issuer: str, key: RSAKey, take_twist: Callable[[], Twist]) -> None:
        super().__init__(require_nonce=True)
        self._issuer = issuer
        self._key = key
        self._take_twist = take_twist

    def exists_nonce(self, _nonce: str, _request: Any) -> bool:
        return False

    def encode_id_token(self, _token: dict[str, Any], request: Any) -> str:
        now = int(time.time())
        who, client = request.user, request.client
        claims = {
            "iss": self._issuer, "aud": client.client_id, "sub": who.subject, "iat": now, "exp": now + 300,
            "nonce": request.authorization_code.nonce, "email": who.email, "name": who.name,
            "groups": list(who.groups),
        }  # fmt: skip
        return self._take_twist().token(claims, self._key, client.client_secret)
