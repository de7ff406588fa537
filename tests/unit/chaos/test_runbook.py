"""The runbook is made of the registry's words and of the records of `spaf chaos`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spaf.chaos import runbook
from spaf.chaos.registry import KINDS


def write(folder: Path, scenario: str, *faults: dict[str, Any]) -> None:
    """Write a record with these faults."""
    usual = {"number": 1, "made": True, "differences": 0}
    result = {"faults": [usual | fault for fault in faults], "seed": 1}
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"scenario": scenario, "result": result}))


def row(folder: Path, begin: str) -> list[str]:
    """Return the cells of the row of the runbook that begins so."""
    table = runbook.page(folder).partition("## How often")[0]
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {begin}")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_without_records_nothing_is_claimed(tmp_path: Path) -> None:
    """Each kind has its row, and says that it was not measured."""
    text = runbook.page(tmp_path)
    assert text.count(runbook.NOT_MEASURED) == 2 * len(KINDS)
    assert "faults were made" not in text


def test_a_row_has_the_times_of_its_faults(tmp_path: Path) -> None:
    """From all records below the folder, of the same kind and target."""
    kill = {"kind": "kill", "target": "kafka", "status_said": "kafka is | away"}
    write(tmp_path / "a", "chaos", kill | {"recovery_s": 4.0, "status_after_s": 0.25})
    write(tmp_path / "b", "chaos", kill | {"recovery_s": 8.0}, kill | {"recovery_s": 6.0})
    write(tmp_path / "c", "bench drain")
    _, seen, _, times, todo = row(tmp_path, "`kill` kafka")
    assert seen == "after 0.2 s: kafka is \\| away"
    assert times == "6.0 s, at most 8.0 s (3)"
    assert todo == "Nothing."
    assert "3 faults were made, and after 3 of them" in runbook.page(tmp_path)


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        ({"recovery_s": 0.0}, "always current (1)"),
        ({"recovery_s": None}, "not in time"),
        ({"recovery_s": 31.0, "held_s": 30.2}, "31.0 s, at most 31.0 s (1), 30 s of them held"),
    ],
)
def test_what_is_special_is_said(tmp_path: Path, fault: dict[str, Any], times: str) -> None:
    """A fault without an effect, one that was not survived, one that was held."""
    write(tmp_path / "a", "chaos", {"kind": "pause", "target": "serve"} | fault)
    assert row(tmp_path, "`pause` serve")[3] == times


def test_what_was_not_made_is_no_row(tmp_path: Path) -> None:
    """And no proof, but its reason is counted."""
    fault = {"kind": "kill", "target": "kafka", "made": False, "error": "EPERM"}
    write(tmp_path / "a", "chaos", fault, fault)
    assert "`kill` kafka" not in runbook.page(tmp_path)
    assert "faults were made" not in runbook.page(tmp_path)
    assert "| `kill` | 0 | 0 | 0 | 0 | 0 | 0 | 2: EPERM |" in runbook.page(tmp_path)


def test_how_often_each_kind_was_made(tmp_path: Path) -> None:
    """With what it has cost; a kind without a fault has its row, and the last row is the sum."""
    kill = {"kind": "kill", "target": "kafka", "recovery_s": 4.0}
    bad = {"kind": "pause", "target": "serve", "recovery_s": 4.0, "differences": 2, "lost": 3}
    write(tmp_path / "a", "chaos", kill, kill | {"target": "serve", "differences": None}, bad)
    table = runbook.counted(runbook.recorded(tmp_path)).splitlines()
    assert len(table) == 2 + len(KINDS) + 1
    assert "| `kill` | 2 | 2 | 1 | 0 | 0 | 0 | 0 |" in table
    assert "| `pause` | 1 | 1 | 1 | 2 | 3 | 1 | 0 |" in table
    assert "| `flood` | 0 | 0 | 0 | 0 | 0 | 0 | 0 |" in table
    assert table[-1] == "| all | 3 | 2 | 2 | 2 | 3 | 1 | 0 |"
