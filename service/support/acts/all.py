"""All acts, for the API and the console to pick from."""

from __future__ import annotations

from dataclasses import dataclass

from service.support.acts.cancelling import Cancel, UndoCancellation
from service.support.acts.courtesy import Give, Revoke
from service.support.acts.merging import Merge
from service.support.acts.meter import AddArticles, ResetMeter
from service.support.acts.noting import WriteNote
from service.support.acts.plan_changing import ChangePlan
from service.support.acts.refunding import GiveBack
from service.support.acts.releasing import ReleaseHold


@dataclass(frozen=True, kw_only=True)
class Acts:
    """One of each."""

    note: WriteNote
    give: Give
    revoke: Revoke
    reset_meter: ResetMeter
    add_articles: AddArticles
    cancel: Cancel
    undo_cancellation: UndoCancellation
    give_back: GiveBack
    change_plan: ChangePlan
    release_hold: ReleaseHold
    merge: Merge
