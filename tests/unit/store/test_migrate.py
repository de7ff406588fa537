"""The migrations as files: an unambiguous order."""

from __future__ import annotations

import re

from spaf.store.migrate import migrations


def test_migrations_come_in_the_order_of_their_numbers() -> None:
    """They are applied as they come."""
    assert list(migrations()) == sorted(migrations())


def test_migrations_are_numbered_from_1_without_gap_or_repeat() -> None:
    """Four digits, so that order by name is order by number for a long time."""
    numbers = [re.fullmatch(r"(\d{4})_[a-z_]+\.sql", name) for name in migrations()]
    assert [int(n[1]) if n else None for n in numbers] == list(range(1, len(numbers) + 1))


def test_migrations_leave_the_transaction_to_the_caller() -> None:
    """Each is applied whole or not at all; none ends the transaction that says so."""
    ended = r"(?im)^\s*(BEGIN|COMMIT|ROLLBACK)\s*;"
    assert [name for name, text in migrations().items() if re.search(ended, text)] == []


def test_migrations_name_no_schema() -> None:
    """The schema is a setting: everything goes by the search path."""
    named = [name for name, text in migrations().items() if re.search(r"\bpublic\.", text)]
    assert named == []
