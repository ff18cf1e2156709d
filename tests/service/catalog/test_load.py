"""plans.yaml, read whole: what is shipped is sound, and every mistake an editor can make is told in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.catalog.load import load_catalog
from service.domain.catalog import Catalog
from service.domain.vocabulary import RepeatedCard
from service.errors import ConfigurationError

SHIPPED = Path(__file__).parents[3] / "plans.yaml"


@pytest.fixture
def edited(tmp_path) -> Callable[[str, str], Catalog]:
    """Return the catalog loaded after one edit of the shipped file; the edited text must be there."""

    def editing(old: str, new: str) -> Catalog:
        text = SHIPPED.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "plans.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return load_catalog(path)

    return editing


@pytest.fixture
def refused(edited, tmp_path) -> Callable[[str, str], str]:
    """Return why an edit is refused, without the folder's name."""

    def refusing(old: str, new: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            edited(old, new)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return refusing


class TestShipped:
    def test_it_says_what_the_publication_promises(self):
        """One free article a month, a free trial, $2.90 a month, $19.90 a year, and $14.90 saved."""
        catalog = load_catalog(SHIPPED)
        assert (catalog.publication, str(catalog.zone)) == ("The International Daily", "Europe/Paris")
        assert catalog.meter.headline == "You've reached your limit of one free article."
        assert (catalog.meter.limit_visitor, catalog.meter.limit_reader, catalog.meter.window) == (1, 1, "month")
        monthly, annual = catalog.plans
        assert (monthly.label, monthly.terms) == ("Free trial", "30 days free, then $2.90 per month")
        assert (monthly.price.amount_minor, monthly.interval, monthly.trial_days) == (290, "month", 30)
        assert (annual.label, annual.badge, annual.terms) == ("Annual Access", "BEST VALUE", "$19.90 per year")
        assert (annual.price.amount_minor, annual.interval, annual.trial_days) == (1990, "year", 0)
        assert annual.saving is not None
        assert (annual.saving.display, annual.saving_against) == ("$14.90", "monthly")
        assert annual.saving_text == "Save $14.90 compared to monthly"
        assert catalog.cancel_line == "You can cancel anytime."
        assert (catalog.grace.renewal, catalog.grace.first_payment) == (timedelta(days=7), timedelta(0))

    def test_windows_are_cut_as_the_file_says(self, edited):
        """Claim: a week begins on the day named, Monday unless told, and a rolling window has its length."""
        now = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday
        plain = edited("window: month", "window: week").window_at(now)
        sunday = edited("window: month", "window: week\n  week_starts_on: sunday").window_at(now)
        assert (plain.starts_at.day, sunday.starts_at.day) == (16, 22)
        rolling = edited("window: month", "window: rolling\n  rolling_days: 30").window_at(now)
        assert (rolling.kind, rolling.ends_at - rolling.starts_at) == ("rolling", timedelta(days=30))

    def test_what_repeats_and_refunds_lead_to_is_said_or_taken_as_shipped(self, edited):
        """A used card ends the trial and a whole refund ends access, also in a file that leaves both out."""
        for catalog in (load_catalog(SHIPPED), edited(SHIPPED.read_text().partition("# A trial is given once")[2], "")):
            assert (catalog.repeated_card, catalog.policy.repeated_card) == (RepeatedCard.END_TRIAL,) * 2
            assert (catalog.full_refund_revokes, catalog.policy.full_refund_revokes) == (True, True)
        assert edited("on_repeated_card: end_trial", "on_repeated_card: allow").repeated_card is RepeatedCard.ALLOW
        assert not edited("on_full_refund: end_access", "on_full_refund: keep_access").full_refund_revokes
        assert edited("on_early_warning: hold", "on_early_warning: refund").policy.early_warning == "refund"

    def test_a_warning_holds_as_long_as_the_file_says(self, edited):
        """A hundred and twenty days as shipped and in a file that leaves it out; in no file for ever."""
        for catalog in (load_catalog(SHIPPED), edited("  hold_days: 120 ", "  # ")):
            assert catalog.policy.fraud_hold == timedelta(days=120)
        assert edited("hold_days: 120", "hold_days: 30").policy.fraud_hold == timedelta(days=30)

    def test_a_policy_that_is_none_is_refused(self, refused):
        """And told where."""
        assert "on_repeated_card" in refused("on_repeated_card: end_trial", "on_repeated_card: forgive")
        assert "on_full_refund" in refused("on_full_refund: end_access", "on_full_refund: perhaps")
        assert "on_early_warning" in refused("on_early_warning: hold", "on_early_warning: perhaps")
        for days in ("0", "367", "'30'", "1.5", "null"):
            assert "hold_days" in refused("hold_days: 120", f"hold_days: {days}"), days

    def test_its_features_stand_in_order_with_their_badges(self):
        """Five features, three of them new, and each plan has them all."""
        catalog = load_catalog(SHIPPED)
        assert [(each.id, each.badge) for each in catalog.features] == [
            ("unlimited_articles", None), ("ad_free", "NEW"), ("weekly_magazine", "NEW"), ("newsletters", "NEW"),
            ("archives", None),
        ]  # fmt: skip
        assert catalog.features[3].label == "9 daily & weekly newsletters"
        assert all(plan.features == catalog.policy.subscriber_features for plan in catalog.plans)
        assert catalog.policy.features_of("monthly") == catalog.policy.features_of("sold_in_2019")

    def test_only_its_own_plans_are_on_sale(self):
        """Asking for another plan gives None."""
        assert load_catalog(SHIPPED).plan("weekly") is None


class TestComputed:
    def test_texts_follow_the_numbers(self, edited):
        """After a change of price, trial and limit, every text says the new numbers."""
        catalog = edited('"2.90"', '"3.90"')
        assert catalog.plans[0].terms == "30 days free, then $3.90 per month"
        assert catalog.plans[1].saving_text == "Save $26.90 compared to monthly"
        assert edited("trial_days: 30", "trial_days: 14").plans[0].terms.startswith("14 days free")
        assert edited("reader_articles: 1", "reader_articles: 3").meter.headline_reader.endswith("three free articles.")

    def test_a_plan_may_carry_fewer_features(self, edited):
        """A plan's own list is kept in the offer's order."""
        catalog = edited("trial_days: 30 ", "features: [archives, ad_free]\n    trial_days: 30 ")
        assert catalog.policy.features_of("monthly") == ("ad_free", "archives")

    @pytest.mark.parametrize("written", ["2.90", "2.9", '"2.9"'])
    def test_money_is_exact_however_it_is_written(self, edited, written):
        """A decimal without quotes is taken as written, never through a float."""
        assert edited('"2.90"', written).plans[0].price.amount_minor == 290

    def test_the_version_is_the_meaning(self, edited):
        """Comments don't change the version; a price does, and so does a label."""
        shipped = load_catalog(SHIPPED).version
        assert len(shipped) == 12
        assert edited("# What is on sale", "# Whatever").version == shipped
        assert edited('"2.90"', '"3.90"').version != shipped
        assert edited("The weekly magazine", "Our weekly magazine").version != shipped

    def test_a_true_text_may_be_written_out(self, edited):
        """Literal numbers are fine while they are true."""
        edited('"{trial_days} days free, then {price} per {interval}"', "30 days free, then $2.90 per month")
        edited("Save {saving} compared", "Save 42% compared")


TERMS = '"{trial_days} days free, then {price} per {interval}"'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (TERMS, "30 days free, then $2.50 per month", "plans[0].terms: says '$2.50 per month', but the prices give"),
        (TERMS, "14 days free, then {price} per month", "plans[0].terms: says '14 days', but there are 30 free days"),
        ("Save {saving}", "Save $15", "plans[1].saving.text: says '$15'"),
        ("label: Annual Access", "label: Annual, $2.90", "plans[1].label: says '$2.90'"),
        ("{limit_articles}.", "two free articles.", "meter.headline: says 'two free articles', but the meter gives 1"),
        ("cancel anytime.", "cancel within 14 days.", "cancel_line: says '14 days'"),
        ("label: Ad-free reading", "label: Ad-free for $1", "features[1].label: says '$1'"),
        ("trial_days: 30 ", "trial_days: 0 ", "plans[0].label: says 'free trial', but there are no free days"),
        ("{saving}", "{savings}", "plans[1].saving.text: {savings} has no meaning here; use {price}, {interval}"),
    ],
)
def test_a_text_that_contradicts_the_offer_is_refused(refused, old, new, told):
    """The place and both numbers are named."""
    assert told in refused(old, new)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"2.90"', '"2.905"', "plans[0].price.amount: '2.905' is not an amount such as 2.90"),
        ('"2.90"', "2.905", "plans[0].price.amount: '2.905' is not an amount such as 2.90"),
        ('"2.90"', "-3", "plans[0].price.amount: '-3' is not an amount"),
        ('"2.90"', "yes", "plans[0].price.amount: True is not an amount"),
        ('"2.90"', "0", "plans[0].price.amount: must be above 0"),
        ("usd}\n    interval: month", "USD}\n    interval: month", "plans[0].price.currency: must be three lower-case"),
        ("usd}\n    interval: year", "kwd}\n    interval: year", "plans[1].price.amount: kwd has thousandths"),
        ("usd}\n    interval: year", "eur}\n    interval: year", "'monthly' is sold in another currency"),
        ('"19.90"', '"34.80"', "plans[1].saving.against: a year of 'annual' costs no less than a year of 'monthly'"),
        ("against: monthly", "against: weekly", "plans[1].saving.against: 'weekly' is no other plan"),
        ("against: monthly", "against: annual", "plans[1].saving.against: 'annual' is no other plan"),
        ("id: annual", "id: monthly", "plans[1].id: 'monthly' stands twice"),
        ("id: archives", "id: ad_free", "features[4].id: 'ad_free' stands twice"),
        ("id: annual", "id: An nual", "plans[1].id: must be like monthly_plus"),
        ("trial_days: 30 ", "features: [ads]\n    trial_days: 30 ", "plans[0].features[0]: 'ads' is none of"),
        ("trial_days: 30 ", "trial_days: 731 ", "plans[0].trial_days: "),
        ("trial_days: 30 ", "trial_weeks: 4 ", "plans[0].trial_weeks: Unknown field"),
        ("window: month", "window: monthly", "meter.window: Must be one of: day, week, month, rolling"),
        ("window: month", "window: rolling", "meter.rolling_days: must be given for a rolling window"),
        ("window: month", "window: rolling\n  rolling_days: 0", "meter.rolling_days: Must be greater than or equal"),
        ("window: month", "window: month\n  rolling_days: 30", "meter.rolling_days: has no effect unless"),
        ("window: month", "window: day\n  week_starts_on: sunday", "meter.week_starts_on: has no effect unless"),
        ("window: month", "window: week\n  week_starts_on: so", "meter.week_starts_on: Must be one of: monday"),
        ("reader_articles: 1", "reader_articles: 0", "meter.reader_articles: must be at least visitor_articles"),
        ("reader_articles: 1", "reader_articles: 1.5", "meter.reader_articles: Not a valid integer"),
        ("visitor_articles: 1", "visitor_articles: true", "meter.visitor_articles: Not a valid integer"),
        ("timezone: Europe/Paris", "timezone: Europe/Pari", "timezone: 'Europe/Pari' is not a time zone"),
        ("timezone: Europe/Paris", "timezone: ../../etc/passwd", "timezone: '../../etc/passwd' is not a time zone"),
        ("timezone: Europe/Paris", "timezone: [1]", "timezone: [1] is not a time zone"),
        ("renewal_days: 7", "renewal_days: 61", "grace.renewal_days: "),
        ("renewal_days: 7", "renewal_days: -1", "grace.renewal_days: "),
        ("publication: The International Daily", "title: x", "publication: Missing data for required field"),
        ("publication: The International Daily", 'publication: " "', "publication: must be one line of 1 to 200"),
        ("publication: The International Daily", 'publication: "a\\u202eb"', "publication: must be one line"),
        ("publication: The International Daily", "publication: 2026-01-01", "publication: Not a valid string"),
        ("badge: BEST VALUE", "badge: [1]", "plans[1].badge: Not a valid string"),
        ("price: {amount: \"19.90\", currency: usd}", "price: 19.90", "plans[1].price: Invalid input type"),
        ("interval: year", "interval: week", "plans[1].interval: Must be one of: month, year"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_its_path(refused, old, new, told):
    """The message is one line: file, path inside the file, reason."""
    message = refused(old, new)
    assert message.startswith("plans.yaml: ")
    assert told in message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("headline: You", 'headline: "You', "line 52: expected <block end>, but found '<scalar>' (while parsing"),
        ("    label: Annual Access", "    label: Annual Access\n    label: Yearly", "'label' stands twice"),
        ("badge: BEST VALUE", "badge: *best", "found undefined alias"),
        ("badge: BEST VALUE", "badge: !!python/object:os.system x", "could not determine a constructor"),
        ("badge: BEST VALUE", "? [a]\n    : b", "found unhashable key"),
        ("badge: BEST VALUE", "badge: 2026-13-45", "is not YAML"),
        pytest.param("badge: BEST VALUE", "badge: " + "[" * 5000, "is not YAML", id="nested too deeply"),
    ],
)  # fmt: skip
def test_broken_yaml_is_refused_by_its_line(refused, old, new, told):
    """Whatever YAML itself stumbles over is one line too; nothing in the file is ever run."""
    message = refused(old, new)
    assert told in message
    assert "line " in message or "is not YAML" in message


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"text\n", b"# only a comment\n"])
def test_a_file_without_an_offer_is_refused(tmp_path, content):
    """An empty file, a list or a word is no offer."""
    path = tmp_path / "plans.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is empty or no mapping"):
        load_catalog(path)


def test_an_unreadable_file_is_refused(tmp_path):
    """A missing file, a folder, and bytes that are no UTF-8 are told as such."""
    with pytest.raises(ConfigurationError, match=r"absent\.yaml: cannot be read: No such file"):
        load_catalog(tmp_path / "absent.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_catalog(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("publication: Café\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_catalog(latin)


def test_everything_wrong_is_told_at_once(refused):
    """An editor sees all mistakes in one go."""
    message = refused("trial_days: 30 ", "trial_weeks: 4\n    colour: red\n    trial_days: x ")
    assert message.count("plans[0].") == 3
