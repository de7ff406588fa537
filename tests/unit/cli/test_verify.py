"""`spaf verify`: what it prints, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from spaf.cli import app, verify
from spaf.cli.terminal import output
from spaf.cli.verify import MAX_PRINTED, print_verdict
from spaf.errors import NotUpError, SettingsError
from spaf.topic import admin
from spaf.verify import Difference, ProvenFrom, Verdict
from spaf.verify.retained import NEVER

run = CliRunner().invoke


@pytest.mark.usefixtures("bare")
def test_a_folder_in_which_nothing_ever_ran() -> None:
    """There is nothing to verify."""
    done = run(app, ["verify"])
    assert isinstance(done.exception, NotUpError)
    assert "no job has run there" in str(done.exception)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.usefixtures("bare")
def test_a_dump_is_read_or_made() -> None:
    """Not both."""
    done = run(app, ["verify", "--dump", "here", "--keep-dump"])
    assert isinstance(done.exception, SettingsError)


def verdict(**other: object) -> Verdict:
    """Return a verdict over ten records."""
    whole = Verdict(10, 7, 1, 2, 0, [], 3, 0, {}, {"sales_summary": 4}, by_decoder=2)
    return Verdict(**{**{name: getattr(whole, name) for name in whole.__slots__}, **other})


def printed(found: Verdict, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a person reads."""
    print_verdict(found)
    return capsys.readouterr().out


def test_an_exact_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """The equation, what was compared, and how many records DuckDB decoded itself."""
    text = printed(verdict(), capsys)
    assert "10 records = 7 accepted + 1 late + 2 rejected; unaccounted 0" in text
    assert "rows compared: sales_summary 4; 3 still changing" in text
    assert "two recomputations agree: Python, and DuckDB for 8 records (Python decoded" in text
    assert text.count("exact") == 1


def test_what_is_gone_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """From where on rows were compared, and that dropped ones stay in the accounts."""
    gone = ProvenFrom(
        deleted={0: 1_200, 1: 7},
        dropped_before=1_796_083_200,
        sales_summary=1_796_090_061,
        ingest_ledger={0: 1_796_090_000, 1: 1_796_089_000},
        sale_anomaly={0: 5_000, 1: 90},
        window_anomaly=NEVER,
        duplicate_block=None,
    )
    text = " ".join(printed(verdict(proven_from=gone), capsys).split())
    assert "the first records that were counted (1,200 of partition 0, 7 of partition 1)" in text
    assert "sales_summary from 2026-12-01 01:54:21 UTC on" in text
    assert "ingest_ledger from 2026-12-01 01:53:20 UTC on" in text
    assert "window_anomaly from no second on" in text
    assert "Rows before 2026-12-01 00:00:00 UTC were dropped" in text
    assert "exact: every row from there on equals its recomputation" in text


def test_in_a_narrow_terminal_the_verdict_breaks_between_its_terms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No number is apart from what it counts, and a line that goes on is seen to."""
    console = Console(file=io.StringIO(), width=80)
    for module in (output, verify):
        monkeypatch.setattr(module, "out", console)
    names = ("sales_summary", "ingest_ledger", "sale_anomaly", "window_anomaly")
    print_verdict(
        verdict(
            **dict.fromkeys(("records", "accepted", "duplicates", "late", "rejected"), 12_345_678),
            deduplicated=True,
            rows=dict.fromkeys(names, 123_456),
        )
    )
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.splitlines() == [
        "12,345,678 records = 12,345,678 accepted + 12,345,678 duplicates",
        "  + 12,345,678 late + 12,345,678 rejected; unaccounted 0",
        "exact: every row equals its recomputation, money to the cent",
        "rows compared: sales_summary 123,456, ingest_ledger 123,456,",
        "  sale_anomaly 123,456, window_anomaly 123,456; 3 still changing",
        "two recomputations agree: Python, and DuckDB for 12,345,676 records (Python",
        "  decoded the other 2 for both)",
    ]


def test_differences_are_printed_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """No more than a screen of them."""
    many = [Difference("unexpected", "sales_summary", (n, "a", "BRL"), None, 1) for n in range(25)]
    text = printed(verdict(differences=many), capsys)
    assert "NOT exact: 25 differences" in text
    assert text.count("unexpected") == MAX_PRINTED
    assert "and 5 more" in text


@pytest.mark.parametrize(
    ("policy", "named"), [("delete", False), ("compact", True), ("compact,delete", True)]
)
def test_a_compacted_topic_is_named_as_the_cause(
    monkeypatch: pytest.MonkeyPatch, policy: str, *, named: bool
) -> None:
    """Records that Kafka deleted after they were counted are missing from the recomputation."""
    monkeypatch.setattr(admin, "topic_options", lambda *_: {"cleanup.policy": policy})
    hint = verify.compaction("k:1", "sales")
    assert (f"cleanup.policy={policy}" in hint) == named


def test_recomputations_that_disagree_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """It is the verifier that is wrong then, and nothing is exact."""
    found = verdict(disagreements=[Difference("unequal", "totals", ("log",), 1, 2)])
    assert not found.exact
    assert found.report().formulations_agree is False
    text = printed(found, capsys)
    assert "DISAGREE" in text
    assert "two recomputations agree" not in text
