"""No table may hold something of a reader without being found by an export and by an erasure."""

from __future__ import annotations

import re

from sqlalchemy import Engine, Table, inspect

from service.privacy.everything import HELD, NOTHING_PERSONAL
from service.privacy.held import Stripped, gone
from service.store import (
    act_tables,
    audit_tables,
    erasure_tables,
    gift_tables,
    journal_tables,
    money_tables,
    note_tables,
    number_tables,
    staff_tables,
    tables,
)
from webhooks import tables as webhook_tables

ALL = {**tables.metadata.tables, **webhook_tables.metadata.tables}
NAMES_SOMEBODY = {"reader_id", "visitor_id", "customer_id", "subjects", "subject_id", "email"}
SIBLINGS = (
    act_tables,
    audit_tables,
    erasure_tables,
    gift_tables,
    journal_tables,
    money_tables,
    note_tables,
    number_tables,
    staff_tables,
)


def test_every_table_says_whether_it_holds_anything_of_a_reader(engine: Engine) -> None:
    """Those declared in code and those that migrations made, the queue's included: each exactly once."""
    assert SIBLINGS, "their import is what fills the metadata"
    days = re.compile("decisions_[0-9]{8}")
    there = {name for name in inspect(engine).get_table_names() if not days.fullmatch(name)}
    said = [each.name for each in HELD] + list(NOTHING_PERSONAL)
    assert sorted(said) == sorted(there | set(ALL))


def test_a_table_that_names_somebody_is_not_called_harmless() -> None:
    """A column that holds an id of a reader, browser or customer is one of theirs, whatever somebody wrote here."""
    staff = {"staff"}
    for name in NOTHING_PERSONAL.keys() - staff:
        table = ALL.get(name)
        assert not isinstance(table, Table) or not NAMES_SOMEBODY & set(table.columns.keys()), name


def test_what_is_hidden_from_an_export_exists() -> None:
    """A column renamed would otherwise slip out, or a misspelt one hide nothing."""
    for each in HELD:
        assert each.hidden <= set(each.table.c.keys()), each.name


def test_every_column_of_what_is_kept_says_what_becomes_of_it() -> None:
    """A column added to a table of which rows outlive an erasure stays or changes, but is never forgotten."""
    for each in HELD:
        if isinstance(each.fate, Stripped):
            named = sorted([*each.fate.stays, *each.fate.becomes])
            assert named == sorted(each.table.c.keys()), each.name


def test_only_deletion_needs_no_word() -> None:
    """Whatever else becomes of rows is one of the fates that are written down, one by one."""
    special = {each.name for each in HELD if each.fate is not gone and not isinstance(each.fate, Stripped)}
    assert special == {"checkouts", "trial_ledger", "trial_bars", "decisions", "audit_details"}
