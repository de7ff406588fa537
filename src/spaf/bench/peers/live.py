"""A program under a load: the latency of every sale to its table, and what a bad record does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from spaf import clock
from spaf.bench.peers.answers import Deviation, counted, deviation, expected, with_new_tables
from spaf.bench.peers.compared import LIVE, ComparedProgram, RunningProgram
from spaf.bench.progress import Progress
from spaf.bench.results import recording
from spaf.bench.run.load import Load, offered
from spaf.errors import JobError
from spaf.generate.locust.load_result import LoadResult
from spaf.measure.latency import Stamps, showings, stamps
from spaf.measure.visibility import VisibilityWatch, watch_file
from spaf.stack.run import Run
from spaf.topic.admin import ensure_topic
from spaf.topic.producer import open_producer
from spaf.topic.range_reader import read

# From the start of a program to its first row; Spark on two busy cores needs half of it.
START_TIMEOUT_S = 90.0
# The last sales of a load are visible within this time.
VISIBLE_TIMEOUT_S = 20.0
# A program that counts no good sale for this long after a bad one has stopped.
BAD_TIMEOUT_S = 20.0
POLL_S = 0.1
PROBE_EVERY_S = 0.5
MS_A_MINUTE = 60_000
# What is sent again: a sale of one piece at 1.00.
GOOD = {
    "productId": "prod_1",
    "productCategory": "books",
    "productPrice": 1.0,
    "productQuantity": 1,
}


class LiveFigures(NamedTuple):
    """What a program does under a load."""

    latency: dict[str, PeerLatency]
    """By rate."""
    memory_mib: float
    bad_record: str
    reasons: list[str]
    """Why a rate has no figures."""


class PeerLatency(msgspec.Struct, frozen=True):
    """From due to visible in PostgreSQL."""

    p50_ms: float
    p99_ms: float


def measure_live(
    compared: ComparedProgram,
    run: Run,
    rates: Sequence[float],
    seconds: tuple[float, float],
    progress: Progress,
) -> LiveFigures:
    """Start a program on an empty topic, sell at each rate in turn, then send it bad records.

    Args:
        compared: the program.
        run: where it runs.
        rates: sales a second, the one that warms its code first.
        seconds: how long each rate is sold without being measured, and measured.
        progress: is called while it goes on.

    Raises:
        JobError: the program does not start, or has ended.
        LoadError: the load left no result.

    """
    topic = f"peers-{compared.name.replace(' ', '-')}-{clock.now_ms()}"
    ensure_topic(run.kafka, topic, 1)
    target = with_new_tables(run, topic, compared.name)
    progress(f"{compared.name}: starting")
    with compared.running(target, 1, LIVE) as program:
        live = _Live(compared.name, target, program, progress)
        live.wait_for_first_row()
        latency, reasons = live.latency(rates, seconds)
        after = live.send_bad_records()
        refused = program.stop()
    return LiveFigures(latency, live.memory_mib, after.behaviour(refused), reasons)


class _Live:
    """The measurement of one program."""

    def __init__(self, name: str, run: Run, program: RunningProgram, progress: Progress) -> None:
        self._name, self._run, self._program, self._progress = name, run, program, progress
        self.memory_mib = 0.0

    def wait_for_first_row(self) -> None:
        """Send a sale now and then, until one of them is in the table."""
        deadline, probe_s = clock.monotonic() + START_TIMEOUT_S, 0.0
        while counted(self._run) == 0:
            self._require_running()
            if clock.monotonic() > deadline:
                raise JobError(f"it has written no row within {START_TIMEOUT_S:g} s")
            if clock.monotonic() > probe_s:
                send(self._run, [sale()])
                probe_s = clock.monotonic() + PROBE_EVERY_S
            clock.sleep(POLL_S)

    def latency(
        self, rates: Sequence[float], seconds: tuple[float, float]
    ) -> tuple[dict[str, PeerLatency], list[str]]:
        """Sell at each rate; return its latencies, and why a rate has none."""
        watch = VisibilityWatch(watch_file(self._run.home))
        watch.listen(self._run.access)
        intervals, loads = {}, {}
        with watch:
            for rate in rates:
                intervals[rate] = recording.interval(f"{self._name} {rate:g}")
                loads[rate] = self._sell(rate, sum(seconds))
                intervals[rate].end()
            self._wait_visible()
        end = self._run.end_offsets()
        records = read(self._run.kafka, self._run.topic, dict.fromkeys(end, 0), end)
        measured = stamps(records, self._run.rules, showings(watch.file))
        watch.file.unlink()
        latency, reasons = {}, []
        for rate, load in loads.items():
            why = [*load.reasons, *intervals[rate].reasons, *_unseen(measured)]
            percentiles = None if why else _latency(measured, load, seconds[0])
            if percentiles is not None:
                latency[f"{rate:g}"] = percentiles
            reasons += [f"at {rate:g} sales/s: {reason}" for reason in why]
        return latency, reasons

    def send_bad_records(self) -> BadRecords:
        """Send bad records among good ones."""
        self._progress(f"{self._name}: bad records")
        for bad in bad_records(clock.now_us() // 1000):
            send(self._run, [bad, sale()])
        clock.sleep(PROBE_EVERY_S)
        # It closes the mini-batch of a job that waits for the time of the log.
        send(self._run, [sale()])
        wanted = expected(self._run)
        deadline = clock.monotonic() + BAD_TIMEOUT_S
        failure = ""
        while (
            not (differing := deviation(self._run, wanted)).exact and clock.monotonic() < deadline
        ):
            failure = self._program.failure()
            if failure:
                break
            clock.sleep(POLL_S)
        return BadRecords(differing, failure, wanted.refused)

    def _sell(self, rate: float, seconds: float) -> LoadResult:
        spec = replace(offered(self._run), topic=self._run.topic)
        load = Load(self._run, spec, rate=rate, seconds=seconds)
        start_s = clock.monotonic()
        try:
            while not load.done:
                self._require_running()
                passed_s = int(clock.monotonic() - start_s)
                self._progress(f"{self._name}: {rate:g} sales/s, seconds", passed_s, int(seconds))
                clock.sleep(POLL_S * 5)
        finally:
            load.stop()
        return load.result()

    def _wait_visible(self) -> None:
        sales, deadline = expected(self._run).sales, clock.monotonic() + VISIBLE_TIMEOUT_S
        while counted(self._run) < sales and clock.monotonic() < deadline:
            self._require_running()
            clock.sleep(POLL_S)

    def _require_running(self) -> None:
        self.memory_mib = max(self.memory_mib, self._program.usage()[0])
        if failure := self._program.failure():
            raise JobError(failure)


class BadRecords(NamedTuple):
    """What a program has done after bad records."""

    deviation: Deviation
    failure: str
    """Why it has ended, if it has."""
    refused: int
    """Records of the topic that do not count."""

    def behaviour(self, said: int | None) -> str:
        """Return it for a person; `said` is how many records the program says it has refused."""
        if self.failure:
            return f"stops: {self.failure}"
        if not self.deviation.exact:
            return f"goes on wrongly: {self.deviation}"
        if said is None:
            return "skipped silently"
        if said == self.refused:
            return "refused and counted"
        return f"skipped; it has counted {said} of {self.refused}"


def _unseen(measured: Stamps) -> Iterator[str]:
    if measured.unseen:
        yield f"{measured.unseen:,} sales were never seen in PostgreSQL"


def _latency(measured: Stamps, load: LoadResult, warm_s: float) -> PeerLatency | None:
    begin_us = load.first_intended_us or 0
    end_us = begin_us + int(load.duration_s * 1e6)
    latency = measured.between(begin_us + int(warm_s * 1e6), end_us).latency()
    return None if latency is None else PeerLatency(latency.p50, latency.p99)


def sale(**changed: object) -> bytes:
    """Return a sale with other values in some of its fields."""
    return msgspec.json.encode(GOOD | changed)


def bad_records(now_ms: int) -> list[bytes | None]:
    """Return one record for each way in which the contract is broken; no reader may count one."""
    without_product = {name: value for name, value in GOOD.items() if name != "productId"}
    return [
        None,
        b"",
        b"no JSON",
        b'{"productId": "prod_1", "produc',
        b"42",
        b"null",
        msgspec.json.encode(without_product),
        sale(productId=""),
        sale(productCategory=""),
        sale(productCategory="a\u0007b"),
        sale(productCategory="x" * 65),
        sale(productPrice=-1),
        sale(productPrice=1.005),
        sale(productPrice=1e10),
        sale(productPrice="cheap"),
        sale(productQuantity=0),
        sale(productQuantity=1.5),
        sale(productQuantity=1_000_001),
        sale(currency="brl"),
        sale(eventTime="soon"),
        sale(eventTime=-1),
        sale(transactionDate="yesterday"),
        # Too late, and too far ahead, by any setting that a shop would choose.
        sale(eventTime=now_ms - 100_000 * MS_A_MINUTE),
        sale(eventTime=now_ms + 100_000 * MS_A_MINUTE),
    ]


def send(run: Run, values: Sequence[bytes | None]) -> None:
    """Append records to the topic of a run, and wait for the broker."""
    producer = open_producer(run.kafka, "spaf-peers")
    for value in values:
        producer.produce(run.topic, value, partition=0)
    producer.flush()
