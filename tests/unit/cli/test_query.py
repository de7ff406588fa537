"""What `spaf query` prints of a query of the user's own."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from spaf.cli import app, query
from spaf.store import queries


def answer(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, object]], *, more: bool) -> str:
    """Return what is printed if the server answers so."""
    run = SimpleNamespace(access=SimpleNamespace(session=lambda _: nullcontext()))
    monkeypatch.setattr(query, "Run", SimpleNamespace(attach=lambda _: run))
    monkeypatch.setattr(queries, "rows_of", lambda *_: (rows, more))
    done = CliRunner().invoke(app, ["query", "SELECT 1"])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_query_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its columns have their own names."""
    shown = answer(monkeypatch, [{"sales_count": 1_234}], more=False)
    assert "sales_count" in shown
    assert "1,234" in shown
    assert "more rows" not in shown


def test_what_is_not_shown_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that stops at the limit must not be taken for the whole."""
    assert "more rows than 10; --limit shows more" in answer(monkeypatch, [{"a": 1}], more=True)
    assert "found no row" in answer(monkeypatch, [], more=False)
