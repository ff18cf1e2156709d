"""`newsstand keys`: API keys, made, listed, rotated and revoked, each change on record before it is done.

What is needed is imported when a command runs: every `newsstand` command reads this file.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TypeVar

import click

from service.settings import Settings
from service.store.api_keys import ApiKeyStore, Scope
from service.store.database import make_engine

_Outcome = TypeVar("_Outcome")


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke API keys. Each change is in the audit log."""


@keys.command()
@click.argument("label")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]))
def create(label: str, scopes: tuple[str, ...]) -> None:
    """Make a key and print it once; only its digest is kept."""
    chosen = [Scope(scope) for scope in scopes]
    click.echo(_on_record("key.make", lambda store: store.create_key(label, chosen), label=label, scopes=list(scopes)))


@keys.command("list")
def list_keys() -> None:
    """List keys by what people recognise them by."""
    for key in ApiKeyStore(make_engine(Settings.from_environment().database_url)).list():
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "live"
        click.echo(f"{key.id:>4}  {key.prefix:<16} {key.label:<24} {state:<20} {' '.join(sorted(key.scopes))}")


@keys.command()
@click.argument("key_id", type=int)
def rotate(key_id: int) -> None:
    """Make a key with another one's label and scopes, and print it once; both work until the old one is revoked."""
    made = _on_record("key.rotate", lambda store: store.rotate(key_id), key=key_id)
    if made is None:
        raise click.ClickException(f"there is no live key number {key_id}")
    click.echo(made)


@keys.command()
@click.argument("key_id", type=int)
def revoke(key_id: int) -> None:
    """Revoke a key by its number; it stops working within five seconds."""
    if not _on_record("key.revoke", lambda store: store.revoke(key_id), key=key_id):
        raise click.ClickException(f"there is no live key number {key_id}")
    click.echo(f"Key {key_id} is revoked.")


def _on_record(act: str, do: Callable[[ApiKeyStore], _Outcome], **detail: object) -> _Outcome:
    """Return what comes of it; that it was asked for is in the log first, then whether it was done."""
    from service.clocks import wall_clock
    from service.support.audit import Audit, Audited, Entry, Trail

    engine = make_engine(Settings.from_environment().database_url)
    entry = Entry(actor=f"command:{getpass.getuser()}", act=act, detail=detail)
    trail = Trail(Audit(engine, wall_clock), entry)
    return trail.around(
        lambda: do(ApiKeyStore(engine)), Audited(act=act, ahead=True), lambda done: 200 if done else 404
    )
