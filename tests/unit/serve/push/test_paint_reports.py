"""Reports of what was painted: kept whole, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from spaf.serve.push import paint_reports

Ask = Callable[..., httpx.Response]
GOOD = b'{"name":"a-1","frames":[[5,[[1763800000,"books","BRL",3,7.5]]],[6,[]]]}'


@pytest.fixture
def send(ask: Ask, right: dict[str, str]) -> Callable[[bytes], httpx.Response]:
    """Return what sends a report."""
    return lambda body: ask("POST", "/api/painted", right, content=body)


Send = Callable[[bytes], httpx.Response]


def test_a_report_is_added_line_by_line(send: Send, tmp_path: Path) -> None:
    """Behind what is there, in the form of the watch."""
    file = tmp_path / "painted-a-1.tsv"
    file.write_text("ready\n")
    assert send(GOOD).json() == {"ok": True, "frames": 2}
    assert file.read_text() == 'ready\n5\t[[1763800000,"books","BRL",3,7.5]]\n6\t[]\n'


def test_hostile_text_stays_on_its_line(send: Send, tmp_path: Path) -> None:
    """A name may hold a tab and a line's end."""
    file = tmp_path / "painted-a-1.tsv"
    file.touch()
    assert (
        send(b'{"name":"a-1","frames":[[5,[[1,"a\\n\\t6\\t[]","BRL",3,7.5]]]]}').status_code == 200
    )
    assert file.read_text().count("\n") == 1


def test_nothing_is_created_without_a_measurement(send: Send, tmp_path: Path) -> None:
    """The measuring command makes the files."""
    assert send(GOOD).status_code == 404
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(send: Send, tmp_path: Path) -> None:
    """Also one that another program has put there."""
    target = tmp_path / "target"
    target.touch()
    (tmp_path / "painted-a-1.tsv").symlink_to(target)
    assert send(GOOD).status_code == 404
    assert target.read_text() == ""


def test_a_full_file_takes_no_more(
    send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is left open must not fill the disk."""
    monkeypatch.setattr(paint_reports, "MAX_FILE_BYTES", 10)
    file = tmp_path / "painted-a-1.tsv"
    file.touch()
    assert send(GOOD).status_code == 507
    assert file.read_text() == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nonsense",
        b"\xff",
        b"{}",
        b'{"name":5}',
        b'{"name":"A"}',
        b'{"name":"../a"}',
        b'{"name":"a\\n"}',
        b'{"name":"' + b"a" * 65 + b'"}',
        b'{"name":"a-1","frames":[[-1,[]]]}',
        b'{"name":"a-1","frames":[[1e3,[]]]}',
        b'{"name":"a-1","frames":[[1,[[1,"a","BRL"]]]]}',
        b'{"name":"a-1","frames":[[1,[[1,"a","BRL",1.5,7.5]]]]}',
        b'{"name":"a-1","frames":[[1,[[1,"a","BRL",1]]]]}',
        b'{"name":"a-1","frames":[[99999999999999999999,[]]]}',
        b'{"name":"a-1","page":{"fps":"fast"}}',
        b'{"name":"a-1","more":1}',
        b"[" * 60_000,
    ],
)
def test_a_report_of_another_form_is_refused(send: Send, tmp_path: Path, body: bytes) -> None:
    """In a sentence; nothing is kept."""
    file = tmp_path / "painted-a-1.tsv"
    file.touch()
    answer = send(body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert file.read_text() == ""
