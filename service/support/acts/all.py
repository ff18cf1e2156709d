"""All acts, for the API and the console to pick from."""

from __future__ import annotations

from dataclasses import dataclass

from service.support.acts.courtesy import Give, Revoke
from service.support.acts.meter import ResetMeter
from service.support.acts.noting import WriteNote


@dataclass(frozen=True, kw_only=True)
class Acts:
    """One of each."""

    note: WriteNote
    give: Give
    revoke: Revoke
    reset_meter: ResetMeter
