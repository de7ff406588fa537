"""The comparison with a list of known weaknesses, by a server whose answers are known."""

from __future__ import annotations

import datetime as dt
import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools import audit, make_sbom

WEAK, SOUND, SCRIPT = "pkg:maven/g/weak@1.0", "pkg:pypi/sound@2.0", "pkg:npm/script@3.0"
BILL = {
    "components": [
        {"purl": SOUND},
        {"purl": "pkg:maven/g/outer@1.0", "components": [{"purl": WEAK}, {"purl": WEAK}]},
        {"purl": SCRIPT},
        {"purl": "pkg:generic/openjdk@21"},
    ]
}


DATE = "date = 2026-12-01\n"


def accepting(name: str, why: str, package: str = WEAK) -> str:
    """Return an entry of audit.toml."""
    return (
        f'["{name}"]\npackages = ["{package}"]\nfixed = "1.1"\nwhat = "reads too much"\n'
        f'why = "{why}"\nsource = "https://example.org/{name}"\n'
    )


class OsvList(BaseHTTPRequestHandler):
    """Knows two weaknesses of one package, on two pages."""

    asked: list[str]

    def do_POST(self) -> None:
        """Answer a batch."""
        length = int(self.headers["content-length"])
        queries = json.loads(self.rfile.read(length))["queries"]
        self.asked += [query["package"]["purl"] for query in queries]
        self._answer({"results": [self._result(query) for query in queries]})

    def do_GET(self) -> None:
        """Answer with one weakness."""
        if self.path.endswith("W-1"):
            self._answer({"aliases": ["CVE-1"], "summary": "reads too much"})
        else:
            self._answer({"details": "writes too much\nand more"})

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        if query["package"]["purl"] != WEAK:
            return {}
        if "page_token" in query:
            return {"vulns": [{"id": "W-2"}]}
        return {"vulns": [{"id": "W-1"}], "next_page_token": "2"}

    def _answer(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Serve the list, and yield what it is asked for."""
    names: list[str] = []
    handler = type("Handler", (OsvList,), {"asked": names})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(audit, "SERVICE", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(make_sbom, "make_bill", lambda *, system: BILL)  # noqa: ARG005
        monkeypatch.setattr(audit, "ACCEPTED", tmp_path / "audit.toml")
        yield names
        server.shutdown()
        thread.join()


def test_each_weakness_of_each_part_is_named(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of a jar is a package, too; the second page of an answer is read."""
    (tmp_path / "audit.toml").write_text(DATE)
    assert audit.main() == 1
    assert sorted(asked) == sorted([WEAK, WEAK, "pkg:maven/g/outer@1.0", SCRIPT, SOUND])
    assert capsys.readouterr().out.splitlines() == [
        f"{WEAK}: W-1, CVE-1: reads too much",
        f"{WEAK}: W-2: writes too much",
        "4 packages compared; the list does not know pkg:generic/openjdk@21.",
    ]


@pytest.mark.usefixtures("asked")
def test_an_accepted_weakness_is_shown_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By any of its names; one that is accepted in vain is named."""
    known = accepting("CVE-1", "never started") + accepting("W-2", "as well")
    (tmp_path / "audit.toml").write_text(DATE + known + accepting("W-3", "gone"))
    assert audit.main() == 0
    shown = capsys.readouterr().out
    assert f"{WEAK}: W-1, CVE-1: reads too much (accepted: never started)\n" in shown
    assert "audit.toml accepts W-3, which no package has any more: remove it.\n" in shown


def test_without_the_list_nothing_is_called_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was known on a day is shown with the day, of the installed packages only."""
    gone = accepting("CVE-2", "old", package="pkg:maven/g/weak@0.9")
    (tmp_path / "audit.toml").write_text(DATE + accepting("CVE-1", "never started") + gone)
    monkeypatch.setattr(audit, "ACCEPTED", tmp_path / "audit.toml")
    monkeypatch.setattr(audit, "SERVICE", "http://127.0.0.1:9")
    monkeypatch.setattr(make_sbom, "make_bill", lambda *, system: BILL)  # noqa: ARG005
    assert audit.main() == 2
    compared, todo, date, *known = capsys.readouterr().out.splitlines()
    assert compared.startswith("Nothing was compared: http://127.0.0.1:9 does not answer")
    assert "OSV_URL=https://" in todo
    assert date == "On 2026-12-01 these were known by tools/audit.toml, which is not complete:"
    assert known == [f"{WEAK}: CVE-1: reads too much; fixed in 1.1 (accepted: never started)"]


def test_the_list_by_hand_is_of_installed_packages() -> None:
    """An entry of another version would say that something is accepted which is not there."""
    listed = tomllib.loads(audit.ACCEPTED.read_text())
    assert isinstance(listed.pop("date"), dt.date)
    bill = make_sbom.flat(make_sbom.make_bill(system=False)["components"])
    installed = {component.get("purl") for component in bill}
    for name, entry in listed.items():
        accepted = audit.Accepted(**entry)
        assert set(accepted.packages) <= installed, name
        assert accepted.source.startswith("https://"), name
