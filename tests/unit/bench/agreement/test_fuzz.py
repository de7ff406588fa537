"""The fuzzer: seeded, and hostile in every way that it is meant to be."""

from __future__ import annotations

from collections import Counter

from spaf.bench.agreement.differential import RULES
from spaf.bench.agreement.fuzz import Fuzzer, shown
from spaf.sale import Late, Reason, Sale, decode

APPEND_MS = 1_763_800_000_123


def test_a_seed_gives_the_same_records() -> None:
    """Seed and number identify a record."""
    one, other = ([Fuzzer(seed).record(APPEND_MS) for _ in range(1)] for seed in (5, 5))
    assert one == other
    first, second = Fuzzer(5), Fuzzer(6)
    assert [first.record(0) for _ in range(50)] != [second.record(0) for _ in range(50)]


def test_every_outcome_is_met_often() -> None:
    """A fuzzer whose records were all refused for one reason would test little."""
    fuzzer = Fuzzer(1)
    seen: Counter[str] = Counter()
    for _ in range(3_000):
        for outcome in decode(fuzzer.record(APPEND_MS), APPEND_MS, RULES):
            seen[outcome if isinstance(outcome, Reason) else type(outcome).__name__] += 1
    assert set(seen) == {*Reason, Sale.__name__, Late.__name__}
    assert seen[Sale.__name__] > 500
    assert min(seen.values()) >= 5


def test_bytes_that_text_cannot_hold_are_among_them() -> None:
    """NUL, invalid UTF-8 and other encodings reach the topic as they are."""
    fuzzer = Fuzzer(2)
    found = [fuzzer.record(APPEND_MS) for _ in range(2_000)]
    assert any(b"\0" in value for value in found)
    assert any(b"\xff" in value for value in found)
    assert sum(not _is_utf_8(value) for value in found) > 100


def test_a_record_is_shown_on_one_line() -> None:
    """Whatever it holds, it does nothing to a terminal."""
    assert shown(b"\x1b[2J\n\xff") == r'"\u001b[2J\n\u00ff"'
    assert shown(None) == "null"


def _is_utf_8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
