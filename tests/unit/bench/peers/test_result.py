"""The rows of the peers, the ratios to the fastest, and what a row says of its failures."""

from __future__ import annotations

import msgspec
import pytest

from spaf import sale as contract
from spaf.bench.peers.answers import Deviation
from spaf.bench.peers.compared import ComparedJob
from spaf.bench.peers.drain import DrainSample, PeerDrain, Reading, first_measured
from spaf.bench.peers.live import BadRecords, bad_records, sale
from spaf.bench.peers.measurement import PeerMeasurement, measure_drain
from spaf.bench.peers.peers import PeersScenario
from spaf.bench.peers.result import AGGREGATES, FULL_JOB, PeerRow, PeersResult
from spaf.bench.progress import no_progress
from spaf.errors import JobError, SettingsError
from spaf.job.build import SINKS
from spaf.settings import JobSettings, Settings

NOW_MS = 1_800_000_000_000
RULES = contract.Rules("BRL", 600_000, 60_000)
EXACT, WRONG = Deviation(0, 0, 0), Deviation(2, 5, 7)


def drained(rate: int, *, exact: bool | None = True) -> PeerRow:
    """Return a row with this rate."""
    drain = PeerDrain(1000, 1.0, rate, 2.0, exact, complete=exact is not None, drains=1)
    return PeerRow("1.0", 10, "none", drain)


def test_bad_records_count_for_no_reader_and_the_good_one_does() -> None:
    """Each breaks a rule of the contract by itself."""
    (good,) = contract.decode(sale(), NOW_MS, RULES)
    assert isinstance(good, contract.Sale)
    for value in bad_records(NOW_MS):
        outcomes = contract.decode(value, NOW_MS, RULES)
        assert not any(isinstance(outcome, contract.Sale) for outcome in outcomes), value


@pytest.mark.parametrize(
    ("found", "said", "text"),
    [
        (BadRecords(EXACT, "", 24), None, "skipped silently"),
        (BadRecords(EXACT, "", 24), 24, "refused and counted"),
        (BadRecords(EXACT, "", 24), 9, "skipped; it has counted 9 of 24"),
        (BadRecords(WRONG, "", 24), 24, "goes on wrongly: 5 sales lost, 7 counted twice"),
        (BadRecords(WRONG, "it ended", 24), None, "stops: it ended"),
    ],
)
def test_behaviour_after_bad_records(found: BadRecords, said: int | None, text: str) -> None:
    """By the rows, the process, and what the program says of itself."""
    assert found.behaviour(said) == text


def test_drain_is_the_median_and_exact_only_if_all_are() -> None:
    """One that was ended is neither exact nor wrong."""
    samples = [
        DrainSample(1_000, seconds, 0.01, 50.0, deviation, [])
        for seconds, deviation in ((1.0, EXACT), (2.0, EXACT), (4.0, WRONG))
    ]
    found = PeerDrain.of(samples)
    assert (found.events_per_second, found.seconds, found.cpu_us_per_event) == (500, 2.0, 10.0)
    assert (found.exact, found.complete, found.drains) == (False, True, 3)
    ended = PeerDrain.of([DrainSample(1_000, 1.0, 0.01, 50.0, None, [])])
    assert (ended.exact, ended.complete) == (None, False)


@pytest.mark.parametrize(
    ("now", "warm", "begun", "first"),
    [
        (1_000, (500, 5.0), (10, 1.0), 500),
        # In two batches: the second one is measured.
        (1_000, (700, 5.0), (700, 5.0), 700),
        # In one batch: all of it, with the start.
        (1_000, (1_000, 9.0), (1_000, 9.0), 0),
        # Two tasks have written what they had, one just after the other.
        (1_000, (600, 8.9), (600, 8.9), 0),
        (1_000, (600, 8.9), (10, 1.0), 10),
        # Ended before half of the topic.
        (300, None, (10, 1.0), 10),
        (300, None, None, 0),
    ],
)
def test_moment_from_which_a_drain_is_measured(
    now: int, warm: tuple[int, float] | None, begun: tuple[int, float] | None, first: int
) -> None:
    """After the warm-up if there was time for one, and enough is left after it: 2 s here."""

    def reading(found: tuple[int, float] | None) -> Reading | None:
        return None if found is None else Reading(found[1], 0.0, found[0])

    candidates = (reading(warm), reading(begun))
    found = first_measured(Reading(9.0, 9.0, now), candidates, Reading(0.0, 0.0, 0), 2.0)
    assert found.sales == first


def test_ratios_are_to_the_fastest_peer_whose_rows_are_right() -> None:
    """Each with its goal; the result is a dictionary by name, missing parts null."""
    rows = {
        AGGREGATES: drained(500),
        FULL_JOB: drained(230),
        "slow": drained(100, exact=None),
        "fast": drained(200),
        "wrong": drained(900, exact=False),
        "broken": PeerRow("1.0", 10, "none", error="it cannot be installed"),
    }
    result = PeersResult.of(1_000, rows)
    ratios = {name: (ratio.peer, ratio.ratio, ratio.met) for name, ratio in result.ratios.items()}
    assert ratios == {AGGREGATES: ("fast", 2.5, True), FULL_JOB: ("fast", 1.15, False)}
    assert "the goal of 1.2 is missed by 0.05" in result.summary()
    assert "broken: it cannot be installed" in result.summary()
    assert result.reasons == result.invalid == []
    broken = msgspec.to_builtins(result)["peers"]["broken"]
    assert broken["drain"] is broken["latency"] is broken["after_kill"] is None
    first, settings = result.tables()
    assert [row[0] for row in first.rows][:3] == ["wrong", AGGREGATES, FULL_JOB]
    assert all(len(row) == len(first.columns) for row in first.rows)
    assert len(settings.rows) == len(rows)


def test_wrong_rows_of_ours_are_a_reason() -> None:
    """Those of a peer are a finding."""
    result = PeersResult.of(1, {AGGREGATES: drained(5, exact=False), "a": drained(1, exact=False)})
    assert result.reasons == [f"{AGGREGATES}: the drain is not exact"]
    assert not result.ratios


def test_parts_after_a_failure_are_not_tried() -> None:
    """The row keeps what was measured before, and the sentence of the failure."""
    compared = ComparedJob(FULL_JOB, SINKS, JobSettings(), "none")
    row = PeerMeasurement(compared)
    row.drains.append(DrainSample(1_000, 1.0, 0.01, 50.0, EXACT, []))

    def fail() -> None:
        raise JobError("It has ended.", todo="Do nothing.")

    row.attempt(fail)
    row.attempt(lambda: pytest.fail("was tried"))
    found = row.row()
    assert (found.error, found.drain and found.drain.exact) == ("It has ended.", True)
    assert found.lines > ComparedJob(AGGREGATES, SINKS[:1], JobSettings(), "none").lines() > 100


def test_drain_that_was_ended_is_not_repeated() -> None:
    """It would take as long and say the same."""
    row = PeerMeasurement(ComparedJob(FULL_JOB, SINKS, JobSettings(), "none"))
    row.drains.append(DrainSample(1_000, 1.0, 0.01, 50.0, None, []))
    measure_drain(row, None, 1.0, no_progress)  # type: ignore[arg-type]
    assert len(row.drains) == 1


def test_unknown_peer_is_refused_before_anything_starts() -> None:
    """The sentence lists those that there are."""
    with pytest.raises(SettingsError, match="no peer 'flank'") as raised:
        PeersScenario(peers=("flank",)).prepare(Settings())
    assert "hand-written" in str(raised.value.todo)
