"""The measurement itself is measured: what is known before must come out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import psutil
import pytest

from spaf import clock
from spaf.measure.latency import Showing, Showings, Stamps, hops, showings, stamps
from spaf.measure.system_sampler import Head, SystemSampler
from spaf.sale import Record, Rules

RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
START_MS = 1_763_800_000_000
STEPS = ("due_sent", "sent_appended", "appended_written", "written_visible")
# Kafka and the table keep whole milliseconds, so a step between two of them is right to one.
ROUNDING_MS = 1.0


def record(offset: int, due_us: int, sent_us: int, appended_ms: int) -> Record:
    """Return the record of a sale of one category."""
    value = {
        "productId": "p",
        "productCategory": "books",
        "productPrice": 1.5,
        "productQuantity": 1,
        "eventTime": START_MS,
        "intendedAt": due_us,
        "sentAt": sent_us,
    }
    return Record(0, offset, appended_ms, json.dumps(value).encode())


def pipeline(waits_ms: dict[str, int], *, rate: int = 1_000, sales: int = 2_000) -> Stamps:
    """Return the stamps of a pipeline whose steps take these times, and no other time."""
    log: list[Record] = []
    shown: Showings = defaultdict(list)
    for number in range(sales):
        due_us = START_MS * 1_000 + number * 1_000_000 // rate
        sent_us = due_us + waits_ms.get("due_sent", 0) * 1_000
        appended_us = sent_us + waits_ms.get("sent_appended", 0) * 1_000
        written_us = appended_us + waits_ms.get("appended_written", 0) * 1_000
        visible_us = written_us + waits_ms.get("written_visible", 0) * 1_000
        log.append(record(number, due_us, sent_us, appended_us // 1_000))
        showing = Showing(visible_us, written_us // 1_000 * 1_000)
        shown[START_MS // 1_000, "books", "BRL"].append((showing, number + 1))
    return stamps(log, RULES, shown)


@pytest.mark.parametrize("waiting", STEPS)
def test_a_stage_that_waits_10_ms_reports_10_ms(waiting: str) -> None:
    """That stage, and the whole; the others report nothing."""
    found = pipeline({waiting: 10})
    latency = found.latency()
    assert latency is not None
    assert (latency.count, latency.p50, latency.p99, latency.max) == (2_000, 10.0, 10.0, 10.0)
    for step, durations in hops(found).items():
        assert durations is not None
        expected = 10.0 if step == waiting else 0.0
        assert durations.p50 == pytest.approx(expected, abs=ROUNDING_MS)
        assert durations.p99 == pytest.approx(expected, abs=ROUNDING_MS)


def test_the_steps_add_up_to_the_whole() -> None:
    """Whatever each takes."""
    found = pipeline(
        {"due_sent": 1, "sent_appended": 2, "appended_written": 30, "written_visible": 4}
    )
    latency = found.latency()
    assert latency is not None
    assert latency.mean == 37.0
    assert sum(hop.mean for hop in hops(found).values() if hop) == pytest.approx(37.0)


@pytest.mark.parametrize("rate", [10, 1_000, 10_000])
def test_a_source_of_a_rate_reports_that_rate(rate: int) -> None:
    """Also behind a stage that waits, and without the first of them."""
    found = pipeline({"appended_written": 25}, rate=rate)
    assert found.visible_rate() == pytest.approx(rate, rel=1e-3)
    assert found.after(int(found.intended[500])).visible_rate() == pytest.approx(rate, rel=1e-3)
    assert found.after(int(found.intended[-1])).visible_rate() is None


def test_a_generator_that_stops_for_a_second_shows_it() -> None:
    """Open loop: sales that were due meanwhile waited, though they were sent quickly after."""
    log: list[Record] = []
    shown: Showings = defaultdict(list)
    for number in range(2_000):
        due_us = START_MS * 1_000 + number * 1_000
        sent_us = max(due_us, START_MS * 1_000 + 1_000_000) if number >= 500 else due_us
        log.append(record(number, due_us, sent_us, sent_us // 1_000))
        shown[START_MS // 1_000, "books", "BRL"].append((Showing(sent_us, sent_us), number + 1))
    latency = stamps(log, RULES, shown).latency()
    assert latency is not None
    # Half a second of sales waited from 0 to 500 ms: a quarter of all.
    assert latency.max == 500.0
    assert latency.p90 == pytest.approx(300.0, abs=2)


def test_a_real_stage_that_waits_10_ms_reports_at_least_that(tmp_path: Path) -> None:
    """With real clocks: each change is shown 10 ms after it was written, and the file is read."""
    log: list[Record] = []
    lines = ["ready\n"]
    for number in range(20):
        due_us = sent_us = clock.now_us()
        log.append(record(number, due_us, sent_us, clock.now_ms()))
        written_ms = clock.now_us() / 1_000
        clock.sleep(0.01)
        row = [START_MS // 1_000, "books", "BRL", number + 1, number + 1, "150", written_ms]
        lines.append(f"{clock.now_us()}\t{json.dumps([row])}\n")
    file = tmp_path / "watch.tsv"
    file.write_text("".join(lines))
    found = stamps(log, Rules("BRL", 2**50, 2**50), showings(file))
    steps = hops(found)
    assert (found.unseen, found.intended.size) == (0, 20)
    assert steps["written_visible"] is not None
    # A busy machine may let it wait longer, never shorter.
    assert steps["written_visible"].p50 >= 10.0 - ROUNDING_MS
    assert found.latency() is not None


def test_processor_time_of_samples_is_that_of_the_process() -> None:
    """Whatever share of a core the machine had for it."""
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        process = psutil.Process(child.pid)
        sampler = SystemSampler(lambda: [Head("load", child.pid, process.create_time())])
        first = sampler.sample()
        begin = process.cpu_times()
        for _ in range(5):
            clock.sleep(0.1)
            sampler.sample()
        end = process.cpu_times()
        used_s = sum(tick.use.own_s.get("load", 0.0) for tick in sampler._ticks[first + 1 :])
        expected_s = end.user + end.system - begin.user - begin.system
        # The kernel counts hundredths of a second, and the samples are taken a moment apart.
        assert used_s == pytest.approx(expected_s, abs=0.05)
    finally:
        child.kill()
        child.wait()
