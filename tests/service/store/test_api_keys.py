"""API keys on a real PostgreSQL."""

from __future__ import annotations

import hashlib
import re

import pytest
from sqlalchemy import Engine, text

from service.store.api_keys import ApiKeyStore, Scope


@pytest.fixture
def store(engine: Engine) -> ApiKeyStore:
    return ApiKeyStore(engine)


def test_a_key_holds_256_random_bits_behind_a_public_prefix(store: ApiKeyStore) -> None:
    """43 base64url characters are 32 bytes; the prefix is no part of them, so showing it gives nothing away."""
    first, second = (store.create_key("site", [Scope.DECIDE]) for _ in range(2))
    match = re.fullmatch(r"(nsk_[0-9a-f]{8})_([A-Za-z0-9_-]{43})", first)
    assert match is not None
    assert match[1] == store.list()[0].prefix
    assert first != second


def test_nothing_of_the_key_is_kept_but_its_digest(store: ApiKeyStore, engine: Engine) -> None:
    """A stolen database opens nothing."""
    plain = store.create_key("site", [Scope.DECIDE])
    with engine.connect() as connection:
        row = connection.execute(text("select api_keys::text, digest from api_keys")).one()
    assert plain.rpartition("_")[2] not in row[0]
    assert bytes(row.digest) == hashlib.sha256(plain.encode()).digest()


def test_a_revoked_key_is_dead_and_still_listed(store: ApiKeyStore) -> None:
    """Revoking is for good, and people can still see that the key existed."""
    store.create_key("site", [Scope.DECIDE, Scope.BILLING])
    (key,) = store.live()
    assert key.scopes == {"decide", "billing"}
    assert store.revoke(key.id)
    assert not store.revoke(key.id)
    assert store.live() == []
    assert store.list()[0].revoked_at is not None


def test_a_known_key_can_be_ensured_any_number_of_times(store: ApiKeyStore) -> None:
    """Each start of the sandbox does it; scopes follow, and production can tell that the key is there."""
    store.ensure_key("site_sandbox", "sandbox", [Scope.DECIDE])
    store.ensure_key("site_sandbox", "sandbox", [Scope.DECIDE, Scope.BILLING])
    (key,) = store.live()
    assert (key.prefix, key.scopes) == ("site_sandbox", {"decide", "billing"})
    assert store.holds_any(["support_sandbox", "site_sandbox"])
    assert not store.holds_any(["support_sandbox"])
