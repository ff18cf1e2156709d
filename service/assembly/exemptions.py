"""Who reads without the meter: the keys that sign, and the networks that plans.yaml names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from service.domain.catalog import Catalog
from service.exemptions.rules import Exemptions, load_networks
from service.exemptions.tokens import Tokens
from service.settings import Settings


def build_tokens(settings: Settings) -> Tokens:
    """Return the signer of gifts and links; without keys of its own it has one made from SUBJECT_KEY."""
    made = hashlib.blake2b(settings.subject_key.encode(), digest_size=32, person=b"newsstand-links").hexdigest()
    return Tokens(settings.link_keys or (made,))


def build_exemptions(settings: Settings, catalog: Catalog, tokens: Tokens) -> Exemptions:
    """Return the judge; raises ConfigurationError where a file of networks is missing or wrong."""
    return Exemptions(tokens, load_networks(catalog.exemptions, Path(settings.plans_file).parent))
