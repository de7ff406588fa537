"""What is said of a fault, and when it counts as a failure of SPAF."""

from __future__ import annotations

import msgspec
import pytest

from spaf.chaos.growth import DISK, MEMORY, LongRunGrowth
from spaf.chaos.outcome import ChaosResult, FaultOutcome, RecoveryTimes, summarised


def outcome(**fields: object) -> FaultOutcome:
    """Return a fault that was survived, with other fields."""
    usual: dict[str, object] = {
        "number": 1,
        "kind": "kill",
        "target": "kafka",
        "made": True,
        "recovery_s": 4.2,
        "differences": 0,
        "status_said": "kafka is restarting: was ended by SIGKILL.",
        "status_after_s": 0.4,
        "repeat": "spaf chaos --seed 1 --only 1",
    }
    return msgspec.convert(usual | fields, FaultOutcome)


def result(*faults: FaultOutcome, **fields: object) -> ChaosResult:
    """Return the result of these faults, exact unless fields say otherwise."""
    usual: dict[str, object] = {
        "seed": 1,
        "rate": 500.0,
        "planned": len(faults),
        "made": len(faults),
        "not_made": 0,
        "seconds": 60.0,
        "sales_acknowledged": 1_000,
        "sales_failed": 0,
        "lost": 0,
        "records": 1_000,
        "differences": 0,
        "exact": True,
        "errors": [],
        "interrupted": False,
        "faults": list(faults),
        "summary_by_target": summarised(faults),
    }
    return ChaosResult(**usual | fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lost": 3}, "3 acknowledged sales are lost"),
        ({"differences": 2}, "2 differences"),
        ({"recovery_s": None}, "did not become current"),
        ({"recovery_s": None, "error": "rows were not current within 150 s"}, "within 150 s"),
        ({"error": "the verification failed: no answer"}, "verification failed"),
    ],
)
def test_a_failure_has_a_reason_and_a_command(fields: dict[str, object], words: str) -> None:
    """The command makes the same fault again."""
    failed = outcome(**fields)
    assert words in failed.failure
    (reason,) = result(failed).reasons
    assert words in reason
    assert failed.repeat in reason


def test_what_this_machine_cannot_make_is_no_failure() -> None:
    """It is reported, with its error."""
    skipped = outcome(made=False, error="control group of cpu: denied")
    assert not skipped.failure
    assert "not made: control group of cpu: denied" in skipped.line
    assert not result(outcome(), skipped, made=1, not_made=1).reasons
    assert summarised([skipped]) == []


def test_a_line_tells_all_of_a_fault() -> None:
    """Times, what was said, late sales, differences and losses."""
    line = outcome(held_s=30.0, sales_late=7, page_said="x" * 100, page_after_s=1.25).line
    for words in (
        "kill kafka, held 30 s: rows current after 4.2 s",
        "status after 0.4 s: kafka is restarting",
        "page after 1.2 s: xxx",
        "7 late",
        "0 differences",
        "0 lost",
    ):
        assert words in line
    assert "rows always current" in outcome(recovery_s=0.0).line
    assert "status said nothing" in outcome(status_said="", status_after_s=None).line


def test_a_run_that_is_not_exact_fails_the_command() -> None:
    """Also if no single fault did, and if it could not be verified."""
    assert "not exact" in result(outcome(), exact=False, differences=4).reasons[0]
    assert result(outcome(), exact=False, errors=["no broker"]).reasons == ["no broker"]
    assert "not in the topic" in result(outcome(), lost=2).reasons[0]
    assert "no fault was made" in result(made=0).reasons


def test_times_are_those_of_a_kind_and_target() -> None:
    """Median, p95 and maximum of the faults that have recovered."""
    faults = [outcome(recovery_s=float(n)) for n in range(1, 21)]
    faults += [outcome(recovery_s=None), outcome(target="postgres", recovery_s=0.5)]
    kafka, postgres = summarised(faults)
    assert kafka == RecoveryTimes("kill", "kafka", 21, 1, 10.5, 20.0, 20.0)
    assert postgres == RecoveryTimes("kill", "postgres", 1, 0, 0.5, 0.5, 0.5)


def test_the_record_has_the_summary_under_its_name() -> None:
    """Keys of `--json`, which the report reads."""
    record = msgspec.to_builtins(result(outcome()))
    assert record["summary"][0]["p95"] == 4.2
    assert {"kind", "target", "held_s", "recovery_s", "status_said", "page_after_s"} <= set(
        record["faults"][0]
    )


@pytest.mark.parametrize(
    ("name", "figure", "step", "grows"),
    [
        ("kafka", MEMORY, 0.0, False),
        ("kafka", MEMORY, 0.01, False),
        ("kafka", MEMORY, 10.0, True),
        ("kafka", DISK, 10.0, False),
        ("checkpoints", DISK, 10.0, True),
    ],
)
def test_what_grows_is_told(name: str, figure: str, step: float, *, grows: bool) -> None:
    """What keeps the sales grows with them."""
    samples = [(10.0 * n, 100.0 + step * n) for n in range(40)]
    growth = LongRunGrowth.of(name, figure, samples)
    assert growth is not None
    assert growth.grows is grows
    assert growth.per_hour == pytest.approx(360 * step)
    assert bool(result(outcome(), growth=[growth]).reasons) is grows


def test_few_samples_show_no_growth() -> None:
    """A short run says nothing."""
    assert LongRunGrowth.of("kafka", MEMORY, [(0.0, 1.0)] * 5) is None
