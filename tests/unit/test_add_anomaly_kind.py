"""A kind of anomaly is added by the few changes that the how-to shows, and all parts know it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spaf.verify.damage import DAMAGES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-an-anomaly-kind.md").read_text(encoding="utf-8")
CHANGED = re.findall(r"^\+\+\+ b/(.+)$", PAGE, re.MULTILINE)
MAX_FILES = 6
KIND = "large_amount"


def test_the_how_to_names_few_files() -> None:
    """Each is there, and the table at its beginning lists just those that the changes are in."""
    assert 0 < len(CHANGED) <= MAX_FILES
    assert [name for name in CHANGED if not (ROOT / name).is_file()] == []
    assert re.findall(r"^\| `([\w/.-]+)` \|", PAGE, re.MULTILINE) == CHANGED


def test_both_recomputations_report_the_new_kind(new_kind: dict[str, Any]) -> None:
    """And agree on its score and its expected amount."""
    ((partition, offset, kind, _, category, cents, expected, score),) = new_kind["python"]
    assert (partition, offset, kind, category, cents) == (0, 20, KIND, "books", 35_000)
    assert (round(expected), round(score, 3)) == (1_415, 6.416)
    assert [row[:6] for row in new_kind["duckdb"]] == [row[:6] for row in new_kind["python"]]
    assert new_kind["disagreements"] == 0
    assert new_kind["exact"]
    assert new_kind["damages"] == len(DAMAGES)


def test_labels_page_and_terminal_know_the_new_kind(new_kind: dict[str, Any]) -> None:
    """By the names that its entry gives it."""
    assert new_kind["alerts"] == ["high_price", "low_price", "bulk_quantity", KIND]
    assert new_kind["names"]["en"][KIND] == "Large amount"
    assert new_kind["names"]["pt"][KIND] == "Valor alto"
    assert new_kind["terminal"][KIND] == "large amount"


def test_the_reference_of_the_new_kind_is_what_the_tool_writes(
    source_with_new_kind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The changes are complete: the tool changes nothing more."""
    page = source_with_new_kind / "docs/reference/anomaly-kinds.md"
    before = page.read_text(encoding="utf-8")
    assert KIND in before
    monkeypatch.setenv("PYTHONPATH", str(source_with_new_kind / "src"))
    tool = str(source_with_new_kind / "tools/write_reference.py")
    subprocess.run([sys.executable, tool], stdout=subprocess.DEVNULL, check=True)
    assert page.read_text(encoding="utf-8") == before
