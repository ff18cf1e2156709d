"""`newsstand staff`: the break-glass account, for when the sign-in provider is away."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from service.settings import Settings

if TYPE_CHECKING:
    from service.console.break_glass import BreakGlass


@click.group()
def staff() -> None:
    """Let staff in when the sign-in provider can't."""


@staff.command("break-glass")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True, help="Off by itself after that.")
@click.option("--off", is_flag=True, help="Switch it off, its sessions included.")
def break_glass(hours: int, off: bool) -> None:
    """Switch the break-glass account on under a new password, printed once; or off. Both are in the audit log."""
    actor = f"command:{getpass.getuser()}"
    if off:
        told = "is off" if _account().switch_off(actor=actor) else "was off"
        click.echo(f"The break-glass account {told}.")
        return
    click.echo(_account().set_up(hours, actor=actor))


def _account() -> BreakGlass:
    from service.clocks import wall_clock
    from service.console.break_glass import BreakGlass
    from service.store.database import make_engine
    from service.support.audit import Audit

    engine = make_engine(Settings.from_environment().database_url)
    return BreakGlass(engine, Audit(engine, wall_clock), wall_clock)
