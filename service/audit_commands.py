"""`newsstand audit`: is the log as it was written? And where does it end?

What is needed is imported when a command runs: every `newsstand` command reads this file.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from service.settings import Settings

_MOST_FAULTS = 50
_ANCHORS = click.option(
    "--anchors", type=click.Path(path_type=Path), help="Noted heads, one a line; default: AUDIT_ANCHOR_FILE."
)
_HEADS = click.option("--head", "named", multiple=True, help="`number:digest`, as an audit_head line in the logs says.")


@click.group()
def audit() -> None:
    """Verify the audit log, and note how far it goes."""


@audit.command()
@_ANCHORS
@_HEADS
def verify(anchors: Path | None, named: tuple[str, ...]) -> None:
    """Find every edit, deletion and reordering in the audit log; with heads noted outside, also its being cut short.

    Ends with status 1 when anything is found, or when the file of noted heads that was named holds none.
    """
    from service.clocks import wall_clock
    from service.store.database import make_engine
    from service.support.anchors import heads_in, heads_named
    from service.support.audit import Audit

    settings = Settings.from_environment()
    file = anchors or (Path(settings.audit_anchor_file) if settings.audit_anchor_file else None)
    in_file = heads_in(file) if file else ()
    heads = [*in_file, *heads_named(named)]
    log = Audit(make_engine(settings.database_url, deadline_seconds=600), wall_clock)
    found = list(islice(log.faults(heads), _MOST_FAULTS))
    for fault in found:
        click.echo(f"entry {fault}", err=True)
    if found:
        raise click.ClickException("the audit log is not as it was written")
    end = log.head()
    if file and not in_file and end.seq:  # whoever cuts the log short would take the file away, too
        raise click.ClickException(f"{end.seq} entries are as they were written, but no head is noted in {file}")
    click.echo(f"{end.seq} entries are as they were written; {len(heads)} noted heads agree.")
    if not heads:
        click.echo("Without a head noted outside, nobody can tell whether entries at the end are missing.")


@audit.command()
def anchor() -> None:
    """Note how far the log goes, in AUDIT_ANCHOR_FILE if set, and print it: keep the line in a safe place."""
    from service.assembly.audit_side import build_anchor
    from service.clocks import wall_clock
    from service.logs import configure_logs
    from service.store.database import make_engine

    configure_logs("error")
    settings = Settings.from_environment()
    head = build_anchor(settings, make_engine(settings.database_url), wall_clock).note()
    click.echo(f"{head.seq}:{head.digest.hex()}")
