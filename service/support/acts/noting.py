"""Notes: what staff tell each other about an account."""

from __future__ import annotations

from sqlalchemy import Engine

from service.clocks import Clock
from service.errors import NotFound
from service.store import accounts, notes
from service.support.acts.act import Act, Done, Effect, Wish
from service.support.audit import Trail


class WriteNote(Act[Wish]):
    """Adds a note; the wish's reason is its text."""

    def __init__(self, engine: Engine, *, wall_clock: Clock) -> None:
        self._engine = engine
        self._wall_clock = wall_clock

    def effect(self, wish: Wish) -> Effect:
        """Return it; raises NotFound (`no_account`)."""
        with self._engine.connect() as connection:
            if accounts.find(connection, wish.reader_id) is None:
                raise NotFound("There is no account of this reader.", code="no_account")
        return Effect(words=("Colleagues see it on the account. The reader gets it with an export of their data.",))

    def do(self, wish: Wish, trail: Trail) -> Done:
        """Add it."""
        words = self.effect(wish).words
        with self._engine.begin() as connection:
            note_id = notes.add(
                connection, wish.reader_id, body=wish.reason, written_by=wish.asked_by, written_at=self._wall_clock()
            )
            trail.record(connection, note=note_id)
        return Done(words=words, id=str(note_id))
