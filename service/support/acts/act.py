"""The shape of every act: who wishes what and why, what it would do, in words, and what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from service.domain.staff import Role
from service.support.audit import Trail


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody of staff wants for which reader, and why. `asked_by` is as the audit names them: `staff:7`."""

    reader_id: str
    reason: str
    asked_by: str
    role: Role
    """How much they may: API keys come as an admin."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an act would do: sentences, each true by the same rules that will decide; nothing has changed yet.

    `quote` holds what the sentences rest on, by the name of the wish's field: handed back with the act, exactly that
    is done, or nothing.
    """

    words: tuple[str, ...]
    quote: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done, in the words of its effect. `id` names what was made, such as a grant's number; None for none."""

    words: tuple[str, ...]
    id: str | None = None
    created: bool = True
    """False for what the very same wish had done before."""


WishKind = TypeVar("WishKind", bound=Wish)


class Act(ABC, Generic[WishKind]):
    """One kind of act. Both methods raise the same problems for a wish that can't be fulfilled."""

    @abstractmethod
    def effect(self, wish: WishKind) -> Effect:
        """Return what `do` would do now; changes nothing."""

    @abstractmethod
    def do(self, wish: WishKind, trail: Trail) -> Done:
        """Do it, on record. Access follows at once: in the record, and as soon as Redis answers in the pass."""
