"""The command line: `newsstand --help` lists the commands."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from service.audit_commands import audit
from service.catalog.load import load_catalog
from service.commands import COMMANDS
from service.errors import ConfigurationError
from service.event_commands import events
from service.exemptions.rules import load_networks
from service.key_commands import keys
from service.meter_commands import meter
from service.number_commands import numbers
from service.privacy_commands import privacy
from service.settings import Settings, settings_table
from service.staff_commands import staff
from service.startup import prepare_metrics, refuse_sandbox_keys
from service.store.api_keys import ApiKeyStore, Scope
from service.store.database import make_engine

EXTENSIONS = "newsstand.commands"


class Newsstand(click.Group):
    """Adds the commands other packages offer (`newsstand tour`), and turns a refused start into one clear line; so
    PostgreSQL's being away.

    A command of a package that is not installed, as the sandbox in production, is no command.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *entry_points(group=EXTENSIONS).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        offered = entry_points(group=EXTENSIONS, name=cmd_name)
        return found or next((entry.load() for entry in offered if find_spec(_package_of(entry))), None)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from error
        except OperationalError as error:  # its own words about its connection; a password is not among them
            told, _, _ = str(error.orig).partition("\n")
            raise click.ClickException(f"PostgreSQL: {told}") from error


def _package_of(entry: EntryPoint) -> str:
    return entry.module.partition(".")[0]


@click.group(cls=Newsstand)
def main() -> None:
    """Newsstand: the paywall back end of a news site."""


@main.command()
@click.option("--config", type=click.Path(exists=True), help="gunicorn's configuration; default: ./gunicorn.conf.py")
def web(config: str | None) -> None:
    """Serve HTTP with gunicorn."""
    settings = Settings.from_environment()  # refuse here, in one line, rather than in every worker
    load_networks(load_catalog(Path(settings.plans_file)).exemptions, Path(settings.plans_file).parent)
    refuse_sandbox_keys(settings, make_engine(settings.database_url, deadline_seconds=2))
    if settings.metrics_directory:
        prepare_metrics(settings.metrics_directory)
    else:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="newsstand-metrics-")
    chosen = config or str(Path(__file__).parent.parent / "gunicorn.conf.py")
    os.execv(  # noqa: S606 - no shell: gunicorn takes this process's place, and its signals
        sys.executable, [sys.executable, "-m", "gunicorn", "-c", chosen, "service.app:create_app()"]
    )


@main.command()
def worker() -> None:
    """Apply events, sync customers, sweep."""
    settings = Settings.from_environment()
    if settings.metrics_directory:  # before anything is imported that counts
        prepare_metrics(settings.metrics_directory)
    from service.assembly.worker import build_worker_app

    build_worker_app(settings)()


@main.command()
@click.option("--grant-to", "role", help="A database role that web and worker sign in as, owning no table.")
def migrate(role: str | None) -> None:
    """Bring the database to this version's schema; safe to run again."""
    from service.store.migrate import migrate as apply_migrations
    from service.store.roles import grant_to

    engine = make_engine(Settings.from_environment().database_url, deadline_seconds=600)
    ours = apply_migrations(engine)
    if role is not None:
        grant_to(engine, role)
    click.echo("The database is up to date." if ours else "The database is a newer version's; this one runs on it.")


@main.command("settings")
def show_settings() -> None:
    """Print the table of settings."""
    click.echo(settings_table())


@main.group()
def plans() -> None:
    """Check plans.yaml, and bring Stripe in step with it."""


@plans.command("check")
@click.option("--file", "path", default="plans.yaml", show_default=True, type=click.Path())
def plans_check(path: str) -> None:
    """Validate plans.yaml and the files it names; needs no connection to anything."""
    catalog = load_catalog(Path(path))
    load_networks(catalog.exemptions, Path(path).parent)
    offers = ", ".join(f"{plan.id} ({plan.price.display} a {plan.interval})" for plan in catalog.plans)
    click.echo(f"{path} is sound: {offers}; version {catalog.version}")


@plans.command("diff")
def plans_diff() -> None:
    """Show what `apply` would change at Stripe."""
    from service.assembly.stripe_side import stripe_and_catalog
    from service.catalog.stripe_offer import diff

    changes = diff(*stripe_and_catalog(Settings.from_environment()))
    click.echo("\n".join(str(change) for change in changes) or "Stripe is in step with plans.yaml.")


@plans.command("apply")
def plans_apply() -> None:
    """Bring Stripe's products, prices and portal configuration in step; safe to run again."""
    from service.assembly.stripe_side import stripe_and_catalog
    from service.catalog.stripe_offer import apply

    changes = apply(*stripe_and_catalog(Settings.from_environment()))
    click.echo("\n".join(f"done: {change}" for change in changes) or "Stripe was in step with plans.yaml.")


@main.command("sandbox-keys", hidden=True)
def sandbox_keys() -> None:
    """Make the sandbox's public keys; refused outside it."""
    if not Settings.from_environment().sandbox:
        raise ConfigurationError("NEWSSTAND_SANDBOX is not set: the public keys belong to the sandbox alone")
    store = ApiKeyStore(make_engine(Settings.from_environment().database_url))
    store.ensure_key("site_sandbox", "the sandbox's site", [Scope.DECIDE, Scope.BILLING, Scope.PRIVACY])
    store.ensure_key("support_sandbox", "the sandbox's support desk", [Scope.SUPPORT_READ, Scope.SUPPORT_WRITE])


for command in (*COMMANDS, events, numbers, meter, audit, staff, privacy, keys):
    main.add_command(command)


if __name__ == "__main__":
    main()
