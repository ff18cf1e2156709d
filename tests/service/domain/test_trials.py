"""Who may have the trial, with the reason before checkout."""

from __future__ import annotations

import pytest

from service.domain.trials import TrialEligibility, trial_eligibility


def test_a_first_trial_is_on_offer(catalog):
    """Nobody in the ledger: thirty days."""
    found = trial_eligibility(catalog.plan("monthly"), used=set())
    assert found.to_json() == {"eligible": True, "days": 30, "reason": "first_trial"}


def test_a_plan_without_a_trial_says_so(catalog):
    """The annual plan has no trial, whoever asks."""
    for used in (set(), {"reader"}):
        found = trial_eligibility(catalog.plan("annual"), used=used)
        assert found.to_json() == {"eligible": False, "days": 0, "reason": "plan_without_trial"}


@pytest.mark.parametrize(
    ("used", "reason"),
    [
        ({"reader"}, "trial_used_reader"),
        ({"customer"}, "trial_used_customer"),
        ({"email"}, "trial_used_email"),
        ({"card"}, "trial_used_card"),
        ({"card", "email", "customer", "reader"}, "trial_used_reader"),
        ({"card", "email"}, "trial_used_email"),
    ],
)
def test_a_used_trial_names_the_surest_identity(catalog, used, reason):
    """One identity in the ledger is enough, and the surest of them is told."""
    found = trial_eligibility(catalog.plan("monthly"), used=used)
    assert found.to_json() == {"eligible": False, "days": 0, "reason": reason}


def test_eligibility_survives_json(catalog):
    """What is stored with a checkout reads back equal."""
    found = trial_eligibility(catalog.plan("monthly"), used=())
    assert TrialEligibility.from_json(found.to_json()) == found
