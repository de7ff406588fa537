"""The latency of every single sale, against a model in which each one's moment is known."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spaf.measure.latency import Showing, Showings, Stamps, hops, parse_showings, showings, stamps
from spaf.sale import Record, Rules

BASE_MS = 1_763_800_000_000
SECOND = BASE_MS // 1000
RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)


class Step(NamedTuple):
    """One sale of the model: what it is, and how long after the one before it things happen."""

    category: str
    second: int
    partition: int
    append_after_ms: int
    visible_after_us: int
    # The notice of this sale is not sent by itself: it shows with the next one of its row.
    merged: bool
    stamped: bool


steps = st.lists(
    st.builds(
        Step,
        category=st.sampled_from(["books", "toys"]),
        second=st.integers(0, 1),
        partition=st.integers(0, 1),
        append_after_ms=st.integers(1, 300),
        visible_after_us=st.integers(0, 5_000),
        merged=st.booleans(),
        stamped=st.booleans(),
    ),
    max_size=40,
)


def record(step: Step, offset: int, append_ms: int, intended: int, **other: Any) -> Record:
    """Return the record of a sale."""
    value: dict[str, Any] = {
        "productId": "p",
        "productCategory": step.category,
        "productPrice": 1.5,
        "productQuantity": 1,
        "eventTime": BASE_MS + step.second * 1000,
        **other,
    }
    if step.stamped:
        value |= {"intendedAt": intended, "sentAt": intended + 3}
    return Record(step.partition, offset, append_ms, json.dumps(value).encode())


def shows(*counts: tuple[int, int]) -> list[tuple[Showing, int]]:
    """Return what a row showed, each written 2 µs before it was visible."""
    return [(Showing(moment, moment - 2), count) for moment, count in counts]


class Model:
    """Plays a list of steps: the log, what the rows showed, and when each sale became visible."""

    def __init__(self, played: list[Step]) -> None:
        """Play."""
        self.log: list[Record] = []
        self.shown: Showings = defaultdict(list)
        self.expected: list[tuple[int, int, int, int, int]] = []
        self.unseen = 0
        self._waiting: dict[tuple[int, str, str], list[tuple[int, int]]] = defaultdict(list)
        counts: dict[tuple[int, str, str], int] = defaultdict(int)
        append_ms, moment = BASE_MS, (BASE_MS + 10) * 1000
        for offset, step in enumerate(played):
            append_ms += step.append_after_ms
            moment += step.visible_after_us
            intended = append_ms * 1000 - 500
            self.log.append(record(step, offset, append_ms, intended))
            key = (SECOND + step.second, step.category, "BRL")
            counts[key] += 1
            if step.stamped:
                self._waiting[key].append((intended, append_ms * 1000))
            if not step.merged:
                self.shown[key] += shows((moment, counts[key]))
                self._show(key, moment)
        self.unseen = sum(map(len, self._waiting.values()))
        self.expected.sort()

    def _show(self, key: tuple[int, str, str], moment: int) -> None:
        for intended, appended in self._waiting.pop(key, []):
            self.expected.append((intended, intended + 3, appended, moment - 2, moment))


def rows(found: Stamps) -> list[tuple[int, ...]]:
    """Return the stamps one sale a row."""
    columns = (found.intended, found.sent, found.appended, found.handed_over, found.visible)
    return [tuple(map(int, row)) for row in zip(*columns, strict=True)]


@given(steps)
def test_every_sale_gets_the_moment_at_which_it_was_first_shown(played: list[Step]) -> None:
    """Whatever notices are merged and whichever sales are stamped, the model's answer is found."""
    model = Model(played)
    found = stamps(model.log, RULES, model.shown)
    assert rows(found) == model.expected
    assert found.unseen == model.unseen


@given(steps, st.randoms(use_true_random=False))
def test_order_of_reading_the_partitions_does_not_matter(played: list[Step], random: Any) -> None:
    """Ranks come from the broker's stamps, not from the order in which the log is read."""
    model = Model(played)
    random.shuffle(model.log)
    assert rows(stamps(model.log, RULES, model.shown)) == model.expected


BOOK = Step("books", 0, 0, 0, 0, merged=False, stamped=True)


def book(offset: int, intended: int = 5, **other: Any) -> Record:
    """Return a sale of a book, each a millisecond after the one before."""
    return record(BOOK, offset, BASE_MS + offset, intended, **other)


def test_repeated_and_falling_counts_show_nothing_new() -> None:
    """A row that is written again with the same or an older count moves no sale."""
    shown = {(SECOND, "books", "BRL"): shows((10, 1), (20, 1), (30, 3), (40, 2), (50, 4))}
    found = stamps([book(n, n) for n in range(4)], RULES, shown)
    assert list(found.visible) == [10, 30, 30, 50]


def test_count_beyond_the_log_is_no_sale_of_ours() -> None:
    """Sales after the range that was read are not invented."""
    found = stamps([book(0)], RULES, {(SECOND, "books", "BRL"): shows((10, 7))})
    assert rows(found) == [(5, 8, BASE_MS * 1000, 8, 10)]
    assert found.unseen == 0


def test_sale_without_stamps_keeps_its_rank_but_is_not_timed() -> None:
    """A client of the brief's own kind does not shift the others."""
    plain = record(BOOK._replace(stamped=False), 0, BASE_MS, 0)
    shown = {(SECOND, "books", "BRL"): shows((10, 1), (20, 2))}
    found = stamps([plain, book(1)], RULES, shown)
    assert list(found.visible) == [20]
    assert found.unseen == 0


def test_sale_that_was_never_shown_is_counted() -> None:
    """A lost notice does not make the figures better."""
    found = stamps([book(0), book(1)], RULES, {(SECOND, "books", "BRL"): shows((10, 1))})
    assert (len(found.visible), found.unseen) == (1, 1)
    assert stamps([book(0)], RULES, {}).unseen == 1


def test_rejected_and_late_records_have_no_rank() -> None:
    """They are in no row."""
    late = book(0, eventTime=BASE_MS - 700_000)
    refused = book(1, productPrice=-1)
    unreadable = Record(0, 2, BASE_MS + 2, b"{")
    shown = {(SECOND, "books", "BRL"): shows((10, 1))}
    found = stamps([late, refused, unreadable, book(3)], RULES, shown)
    assert rows(found) == [(5, 8, (BASE_MS + 3) * 1000, 8, 10)]


def test_nothing_measured_has_no_quantiles() -> None:
    """An empty log is not an error."""
    found = stamps([], RULES, {})
    assert (found.latency(), found.publish(), found.unseen) == (None, None, 0)


def test_warm_up_is_cut_by_the_intended_time() -> None:
    """Also where a sale of the warm-up became visible after it."""
    shown = {(SECOND, "books", "BRL"): shows((1_000, 1), (2_000, 2), (3_000, 3))}
    found = stamps([book(0, 99), book(1, 100), book(2, 101)], RULES, shown).after(100)
    assert list(found.intended) == [100, 101]
    assert list(found.visible) == [2_000, 3_000]


def test_latencies_are_differences_of_the_stamps() -> None:
    """Store counts from the intended time, not from the sending."""
    found = stamps([book(0, 1_000)], RULES, {(SECOND, "books", "BRL"): shows((4_500, 1))})
    store, publish = found.latency(), found.publish()
    assert store is not None
    assert publish is not None
    assert (store.max, publish.max) == (3.5, 0.003)


def test_raw_values_are_kept(tmp_path: Path) -> None:
    """Each figure can be computed again from the file."""
    model = Model([BOOK._replace(append_after_ms=1, visible_after_us=7)] * 3)
    found = stamps(model.log, RULES, model.shown)
    found.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as kept:
        assert {name: list(kept[name]) for name in kept} == {
            "intended_us": list(found.intended),
            "sent_us": list(found.sent),
            "appended_us": list(found.appended),
            "handed_over_us": list(found.handed_over),
            "visible_us": list(found.visible),
        }
        assert {kept[name].dtype for name in kept} == {np.dtype(np.int64)}


LINES = (
    'ready\n100\t[[7, "books", "BRL", 1, 2, "350", 0], [7, "toys", "BRL", 2, 2, "9", 0]]\n'
    '2000\t[[7, "books", "BRL", 3, 1.5]]\n'
)
SHOWN = {
    (7, "books", "BRL"): [(Showing(100, 0), 1), (Showing(2_000, 1_500), 3)],
    (7, "toys", "BRL"): [(Showing(100, 0), 2)],
}


def test_file_of_a_watch_is_read_in_its_order(tmp_path: Path) -> None:
    """Its first line is the mark of readiness."""
    file = tmp_path / "watch.tsv"
    file.write_text(LINES)
    assert showings(file) == SHOWN


def test_half_written_last_line_is_left_alone(tmp_path: Path) -> None:
    """Wherever the writer has got to, the rest is read later, and nothing twice."""
    file = tmp_path / "watch.tsv"
    for cut in range(len(LINES) + 1):
        found: Showings = defaultdict(list)
        with file.open("w") as writer, file.open() as reader:
            for part in (LINES[:cut], LINES[cut:]):
                writer.write(part)
                writer.flush()
                parse_showings(reader, found)
                parse_showings(reader, found)
        assert found == SHOWN, cut


def test_half_written_line_shows_nothing_yet() -> None:
    """A number cut short would be another number."""
    found: Showings = defaultdict(list)
    parse_showings(io.StringIO(LINES.rstrip("\n")), found)
    assert found[7, "books", "BRL"] == SHOWN[7, "books", "BRL"][:1]


def test_copies_that_do_not_count_have_no_latency() -> None:
    """Each transactionId once: the row shows one sale, and the first copy is the one that waits."""
    copy = Step("books", 0, 0, 1, 0, merged=False, stamped=True)
    log = [
        record(copy, offset, BASE_MS + offset, 1_000 + offset, transactionId="tx")
        for offset in range(3)
    ]
    shown: Showings = {(SECOND, "books", "BRL"): shows((9_000_000, 1))}
    once = replace(RULES, dedup_block_ms=600_000)
    found = stamps(log, once, shown)
    assert (found.intended.tolist(), found.visible.tolist()) == ([1_000], [9_000_000])
    assert found.unseen == 0
    assert stamps(log, RULES, shown).unseen == 2


def test_steps_add_up_to_the_latency() -> None:
    """Their means do; a stamp of whole milliseconds counts half a millisecond later."""
    at = np.array([1_000_000, 1_010_000])
    store = Stamps(at, at + 100, at + 500, at + 3_500, at + 5_000, unseen=0)
    screen = Stamps(at, at + 100, at + 500, at + 8_000, at + 20_000, unseen=0)
    means = {hop: value.mean for hop, value in hops(store, screen).items() if value}
    assert means == {
        "due_sent": 0.1,
        "sent_appended": 0.9,
        "appended_written": 3.0,
        "written_visible": 1.0,
        "visible_received": 3.0,
        "received_painted": 12.0,
    }
    assert list(hops(store)) == list(means)[:4]
    assert sum(means.values()) == 20.0
    assert all(value is None for value in hops(stamps([], RULES, {})).values())
