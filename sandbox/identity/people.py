"""Who can sign in at the sandbox's provider, and as whom the console then knows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """Somebody with an account there; `groups` is what the console's allow-list reads."""

    subject: str
    name: str
    groups: tuple[str, ...]

    @property
    def email(self) -> str:
        return f"{self.subject}@daily.example"

    def get_user_id(self) -> str:
        """Return what Authlib puts into `sub`."""
        return self.subject


PEOPLE = (
    Person("ada", "Ada Admin", ("desk-admins",)),
    Person("leo", "Leo Lead", ("desk-leads",)),
    Person("ana", "Ana Agent", ("desk",)),
    Person("vic", "Vic Viewer", ("newsroom",)),
    Person("otto", "Otto Outside", ("sports",)),
)
GROUPS = "desk-admins=admin, desk-leads=lead, desk=agent, newsroom=viewer"
"""As the service's OIDC_GROUPS: Otto's group is not on the list."""


def person(subject: str) -> Person | None:
    """Return the person of this account."""
    return next((each for each in PEOPLE if each.subject == subject), None)
