"""Sign-in through an OpenID Connect provider: authorization code with PKCE, state and nonce; Authlib does the protocol.

Nothing but a signed ID token is believed, and of that only what this sign-in asked for: issuer, audience, nonce, time.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.console.cookies import new_token
from service.domain.staff import Role, role_of
from service.errors import NewsstandError
from service.store.staff import SignIn

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures that only the provider can make: neither `none`, nor those keyed with a secret we hold too."""
TIMEOUT_SECONDS = 5.0
KNOWN_FOR_SECONDS = 600.0
LEEWAY_SECONDS = 60
_SCOPE = "openid email profile"


class SignInFailed(NewsstandError):
    """The provider's answer is not to be believed; `why` is a word for the log, never what the provider said."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ProviderAway(SignInFailed):
    """The provider can't be asked now."""


@dataclass(frozen=True, kw_only=True)
class ProviderConfig:
    """Our registration at the provider. `roles` is the allow-list: which group has which role."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    groups_claim: str
    roles: Mapping[str, Role]


@dataclass(frozen=True, kw_only=True)
class Vouched:
    """Somebody the provider vouches for; `role` is None when no group of theirs is on the list."""

    issuer: str
    subject: str
    email: str | None
    name: str | None
    role: Role | None


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What the provider says of itself, as read at a monotonic instant."""

    metadata: Mapping[str, Any]
    keys: KeySet
    read_at: float


class Provider:
    """One provider. What it says of itself is read when first needed, and again when ten minutes old."""

    def __init__(self, config: ProviderConfig, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def begin(self) -> tuple[str, dict[str, str]]:
        """Return the provider's address to send a browser to, and what must be remembered; raises ProviderAway."""
        begun = {"state": new_token(), "nonce": new_token(), "code_verifier": new_token() + new_token()}
        endpoint = self._metadata("authorization_endpoint")
        with self._session() as session:
            address, _ = session.create_authorization_url(endpoint, **begun)
        return str(address), begun

    def finish(self, begun: SignIn, answer: Mapping[str, str], now: datetime) -> Vouched:
        """Return whom the provider's answer vouches for; raises SignInFailed, or ProviderAway."""
        if not hmac.compare_digest(answer.get("state", "").encode("utf-8", "replace"), begun.state.encode()):
            raise SignInFailed("wrong_state")
        if answer.get("iss", self._config.issuer) != self._config.issuer:
            raise SignInFailed("wrong_issuer")
        if "error" in answer or "code" not in answer:
            raise SignInFailed("refused_by_provider")
        token = self._exchange(answer["code"], begun.code_verifier)
        return self._vouched(self._claims(token, begun.nonce, now))

    def _exchange(self, code: str, code_verifier: str) -> Mapping[str, Any]:
        endpoint = self._metadata("token_endpoint")
        try:
            with self._session() as session:
                token = session.fetch_token(
                    endpoint, grant_type="authorization_code", code=code, code_verifier=code_verifier,
                    allow_redirects=False,
                )  # fmt: skip
        except requests.RequestException as error:
            raise ProviderAway(type(error).__name__) from error
        except (AuthlibBaseError, ValueError) as error:
            raise SignInFailed("code_refused") from error
        return cast("Mapping[str, Any]", token)

    def _claims(self, token: Mapping[str, Any], nonce: str, now: datetime) -> Mapping[str, Any]:
        """Return the ID token's claims, each looked at; raises SignInFailed."""
        raw = token.get("id_token")
        if not isinstance(raw, str):
            raise SignInFailed("no_id_token")
        decoded = self._decoded(raw)
        asked = {
            "iss": {"essential": True, "value": self._config.issuer},
            "aud": {"essential": True, "value": self._config.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        known = {"nonce": nonce, "client_id": self._config.client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, asked, known)
        try:
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
        except (JoseError, TypeError, ValueError) as error:
            raise SignInFailed(getattr(error, "error", "") or "wrong_claims") from error
        return cast("Mapping[str, Any]", claims)

    def _decoded(self, raw: str) -> jwt.Token:
        """Return the token if one of the provider's keys has signed it; a key not known yet is looked for once."""
        for fresh in (False, True):
            keys = self._read(fresh=fresh).keys
            try:
                return jwt.decode(raw, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError) as error:
                failure = error
        raise SignInFailed("wrong_signature") from failure

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        groups = claims.get(self._config.groups_claim)
        named = [each for each in groups if isinstance(each, str)] if isinstance(groups, list) else []
        return Vouched(
            issuer=self._config.issuer,
            subject=str(claims["sub"])[:255],
            email=_text(claims.get("email")),
            name=_text(claims.get("name")),
            role=role_of(named, self._config.roles),
        )

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            self._config.client_id,
            self._config.client_secret,
            scope=_SCOPE,
            redirect_uri=self._config.redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_SECONDS,
        )

    def _metadata(self, name: str) -> str:
        address = self._read(fresh=False).metadata.get(name)
        if not isinstance(address, str) or not _as_safe_as(self._config.issuer, address):
            raise ProviderAway(f"no_{name}")
        return address

    def _read(self, *, fresh: bool) -> _Known:
        """Return what the provider says of itself, read now if `fresh` or not known; raises ProviderAway."""
        with self._lock:
            known = self._known
            old = known is None or self._monotonic() - known.read_at > KNOWN_FOR_SECONDS
            if known is None or old or fresh:
                known = self._known = self._read_now()
            return known

    def _read_now(self) -> _Known:
        metadata = _json_of(f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != self._config.issuer:
            raise ProviderAway("another_issuer")
        address = metadata.get("jwks_uri")
        if not isinstance(address, str) or not _as_safe_as(self._config.issuer, address):
            raise ProviderAway("no_jwks_uri")
        try:
            keys = KeySet.import_key_set(cast("Any", _json_of(address)))
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway("unreadable_keys") from error
        return _Known(metadata=metadata, keys=keys, read_at=self._monotonic())


def _json_of(address: str) -> dict[str, Any]:
    """Return the JSON object at an address of the provider's; raises ProviderAway."""
    try:
        answer = requests.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        value = answer.json() if answer.status_code == 200 else None
    except requests.RequestException as error:  # also what is no JSON
        raise ProviderAway(type(error).__name__) from error
    if not isinstance(value, dict):
        raise ProviderAway("no_answer")
    return value


def _as_safe_as(issuer: str, address: str) -> bool:
    """Tell whether an address is https wherever the issuer is."""
    return address.startswith("https://") or (issuer.startswith("http://") and address.startswith("http://"))


def _text(value: object) -> str | None:
    return value[:200] if isinstance(value, str) and value and "\x00" not in value else None
