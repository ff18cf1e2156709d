"""The commands that look after stored events: what became of them, and another try, on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.settings import Settings

if TYPE_CHECKING:
    from service.assembly.core import Core
    from service.store.event_search import EventQuery
    from service.support.audit import Audit, Entry
    from service.support.events import Events

_STATES = click.Choice(["pending", "failed", "quarantined", "done", "ignored"])
_STUCK = click.Choice(["quarantined", "failed", "pending"])


@click.group()
def events() -> None:
    """List stored events, and replay those that are stuck."""


@events.command("list")
@click.option("--status", type=_STATES, help="Of this state only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def events_list(status: str | None, limit: int) -> None:
    """List the newest events with what became of each, and what follows from such an event."""
    from service.support.events import EventQuery, EventState

    query = EventQuery(state=EventState(status) if status else None)
    for each in _events(_core()).page(query, limit).events:
        about = each.customer_id or "-"
        line = f"{each.received_at:%Y-%m-%d %H:%M:%S}  {each.id:<30} {each.type:<40} {each.state:<12} {about:<24}"
        click.echo(f"{line} {each.reason or ''}".rstrip())
        click.echo(f"{'':<21}{each.meaning}")


@events.command("replay")
@click.argument("event_id", required=False)
@click.option("--status", type=_STUCK, help="Every event of this state, the oldest thousand.")
@click.option("--type", "kind", help="With --status: of this type only, such as invoice.paid.")
@click.option("--customer", help="With --status: of this customer only.")
@click.option("--cause", help="With --status: those alone that failed with this, as `list` shows it.")
@click.option("--reason", help="For the audit log.")
def events_replay(event_id: str | None, reason: str | None, **filters: str | None) -> None:
    """Let the worker try again: one event, or all of a state. Stripe is asked anew; nothing is applied twice."""
    given = {name: value for name, value in filters.items() if value is not None}
    if (event_id is None) == ("status" not in given):
        raise click.UsageError("name an event, or --status")
    if event_id is None:
        _replay_all(given, reason)
    elif given:
        raise click.UsageError("--type, --customer and --cause go with --status")
    else:
        _replay_one(event_id, reason)


def _replay_one(event_id: str, reason: str | None) -> None:
    from service.support.audit import Trail
    from service.support.events import Replay

    core = _core()
    trail = Trail(_audit(core), _entry("event.replay", reason, {"event_id": event_id}))
    outcome = _events(core).replay(event_id, trail)
    if outcome is Replay.UNKNOWN:
        raise click.ClickException(f"there is no event {event_id}")
    click.echo(f"{event_id} will be tried again." if outcome is Replay.RESUMED else f"{event_id} has no effect here.")


def _replay_all(given: dict[str, str], reason: str | None) -> None:
    from service.support.audit import Trail

    core = _core()
    asked = {"filter_status" if name == "status" else name: value for name, value in given.items()}
    audit = _audit(core)
    with audit.begin() as connection:  # a row for each customer cannot be one transaction with an entry
        audit.record(connection, _entry("events.replay.asked", reason, asked))
    trail = Trail(audit, _entry("events.replay", reason, asked))
    found = _events(core).replay_all(_query(given), trail)
    trail.note()
    left = " Others are left: run it again." if found.more else ""
    click.echo(f"{found.events} events of {found.customers} customers will be tried again.{left}")


def _query(given: dict[str, str]) -> EventQuery:
    from service.store.event_search import EventQuery
    from webhooks.state import EventState

    return EventQuery(
        state=EventState(given["status"]), type=given.get("kind"), customer_id=given.get("customer"),
        reason=given.get("cause"),
    )  # fmt: skip


def _entry(act: str, reason: str | None, detail: dict[str, str]) -> Entry:
    """Return what a command leaves in the audit log, under the name of who runs it."""
    import getpass

    from service.support.audit import Entry

    return Entry(actor=f"command:{getpass.getuser()}", act=act, reason=reason, detail=detail)


def _audit(core: Core) -> Audit:
    from service.support.audit import Audit

    return Audit(core.engine, core.wall_clock)


def _events(core: Core) -> Events:
    from service.support.events import Events

    return Events(core.engine, core.syncs, core.router)


def _core() -> Core:
    from service.assembly.core import build_core
    from service.logs import configure_logs

    configure_logs("error")  # what happened is told in sentences; a log among them would be in the way
    return build_core(Settings.from_environment())
