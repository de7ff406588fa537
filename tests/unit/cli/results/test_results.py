"""`spaf results list` and `spaf results show`, as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from spaf.bench.results import folder as results
from spaf.bench.results.record import Ending, Validity
from spaf.cli import app
from spaf.errors import ResultsError
from tests.support.records import RECORD

pytestmark = pytest.mark.usefixtures("bare")


def add(name: str, **changes: Any) -> None:
    """Write a result of this name into the run folder."""
    folder = Path(".spaf/results") / name
    results.create(folder)
    results.write(folder, msgspec.structs.replace(RECORD, name=name, **changes))


def spaf(*arguments: str) -> Any:
    """Run `spaf results` with a wide output."""
    done = CliRunner().invoke(app, ["results", *arguments])
    if isinstance(done.exception, ResultsError):
        raise done.exception
    return done


def test_an_empty_list_says_how_to_get_one() -> None:
    """And is no failure."""
    done = spaf("list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "`spaf bench` and `spaf prove` make them" in done.stderr.replace("\n", " ")
    assert json.loads(spaf("list", "--json").stdout) == []


def test_each_result_is_a_row() -> None:
    """Those that are not valid or not readable too, with the reason."""
    add("good", ending=Ending.COMPLETE)
    add("bad", ending=Ending.COMPLETE, validity=Validity(valid=False, reasons=["not exact"]))
    add("killed", ended_us=None, validity=Validity(valid=False, reasons=["killed"]))
    Path(".spaf/results/broken").mkdir()
    Path(".spaf/results/broken/record.json").write_text("{")
    listed = {load["name"]: load for load in json.loads(spaf("list", "--json").stdout)}
    assert {name: record.get("valid") for name, record in listed.items()} == {
        "broken": None,
        "good": True,
        "bad": False,
        "killed": False,
    }
    assert "damaged" in listed["broken"]["problem"]
    text = spaf("list").stdout
    assert [
        name for name in (*listed, "unreadable", "running", "not exact") if name not in text
    ] == []
    shutil.move(".spaf/results", "elsewhere")
    assert len(json.loads(spaf("list", "elsewhere", "--json").stdout)) == 4


def test_a_result_is_shown_with_its_tables_and_its_origin() -> None:
    """By the beginning of its name; `--json` prints the record itself."""
    found = {"damages": 2, "caught": 2, "false_alarms": 0, "clean_runs": 1, "seeds": 1}
    result = {**found, "kinds": {"a damage": {"done": 2, "caught": 2}}, "missed": []}
    add("self-test-1", scenario="prove self-test", result=result, ending=Ending.COMPLETE)
    done = spaf("show", "self")
    assert done.exit_code == 0, done.output
    assert [
        text
        for text in ("spaf bench rates", "a processor, 2 cores", "0.1.0")
        if text not in done.stdout
    ] == []
    assert json.loads(spaf("show", "self", "--json").stdout)["name"] == "self-test-1"


def test_an_invalid_result_shows_no_figure() -> None:
    """But its reason."""
    rates = {"seconds": 60.0, "rates": []}
    validity = Validity(valid=False, reasons=["other programs used 1.00 of 2 cores"])
    add("rates-1", result=rates, validity=validity, ending=Ending.COMPLETE)
    done = spaf("show")
    assert "intended" not in done.stdout
    assert "other programs used 1.00 of 2 cores" in done.stderr.replace("\n", " ")


def test_what_is_not_there_is_said_in_one_sentence() -> None:
    """A name, a path, and a result of a newer SPAF."""
    with pytest.raises(ResultsError, match="There is no result whose name begins with x"):
        spaf("show", "x")
    with pytest.raises(ResultsError, match="There is no result in a/b"):
        spaf("show", "a/b")
    add("new", schema=2)
    with pytest.raises(ResultsError, match="has schema 2"):
        spaf("show", "new")
