"""The support console, put together."""

from __future__ import annotations

from service.api.services import Services
from service.assembly.core import Core
from service.console.break_glass import BreakGlass
from service.console.cookies import Cookies
from service.console.desk import Desk
from service.console.oidc import Provider, ProviderConfig
from service.console.sessions import Sessions
from service.settings import Settings
from service.store.api_keys import ApiKeyStore


def build_desk(core: Core, services: Services) -> Desk:
    """Return what the console's pages are handed; connects to nothing yet, the provider included."""
    origin = core.settings.console_origin
    return Desk(
        services=services,
        engine=core.engine,
        sessions=Sessions(core.engine, core.wall_clock),
        break_glass=BreakGlass(core.engine, services.audit, core.wall_clock),
        provider=_provider(core.settings),
        keys=ApiKeyStore(core.engine),
        cookies=Cookies(secure=origin.startswith("https:")),
        origin=origin,
        erasure_by_two=core.settings.erasure_by_two,
    )


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    config = ProviderConfig(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=f"{settings.console_origin}/support/sign-in/back",
        groups_claim=settings.oidc_groups_claim,
        roles=settings.oidc_groups,
    )
    return Provider(config)
