"""The checks of the installation: of the present one, and of damaged ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spaf.settings import Settings
from spaf.stack import runtime
from spaf.stack.doctor import installation
from spaf.stack.doctor.finding import Check, Finding, Level, Subject, findings
from spaf.stack.runtime import LockedJar

SUBJECT = Subject.of(Settings.model_construct(home=Path("/nonsense/run")))


def found(check: Check) -> Finding:
    """Return the worst finding of a check."""
    return max(findings(check, SUBJECT), key=lambda one: list(Level).index(one.level))


def test_present_installation_is_whole() -> None:
    """The lock, every file of every package, the hash of every jar, and each program starts."""
    checks = (installation.packages, installation.jars, installation.versions)
    assert [found(check).level for check in checks] == [Level.OK] * len(checks)
    assert int(found(installation.packages).what.split()[0]) > 50


def test_wrong_and_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is wanted."""
    lock = tmp_path / "lock"
    lock.write_text(
        "rich==1.0 \\\n    --hash=sha256:00\nno-such==2\nmsgspec==0 ; python_version < '3'\n"
    )
    monkeypatch.setattr(installation, "LOCK", lock)
    finding = found(installation.packages)
    assert "rich is " in finding.what
    assert ", not 1.0" in finding.what
    assert "no-such is missing" in finding.what
    assert "msgspec" not in finding.what


def test_file_that_an_interrupted_installation_has_cut_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of a package has the size of each of its files."""
    info = tmp_path / "demo-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1\n")
    (info / "RECORD").write_text("demo.py,sha256=x,5\n../../bin/demo,sha256=x,7\n")
    (tmp_path / "demo.py").write_text("12345")
    monkeypatch.syspath_prepend(tmp_path)
    lock = tmp_path / "lock"
    lock.write_text("demo==1\n")
    monkeypatch.setattr(installation, "LOCK", lock)
    assert found(installation.packages).level is Level.OK
    (tmp_path / "demo.py").write_text("123")
    finding = found(installation.packages)
    assert "demo has no demo.py" in finding.what
    assert "make clean setup" in finding.todo


def test_jar_with_another_hash_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that was cut, or a file that was exchanged."""
    monkeypatch.setattr(runtime, "KAFKA_JARS", tmp_path)
    monkeypatch.setattr(runtime, "locked_jars", lambda: [LockedJar("kafka", "g:a:1", "00")])
    (tmp_path / "a-1.jar").write_bytes(b"x")
    assert f"1 jars are not those of jars.lock: {tmp_path}/a-1.jar" in found(installation.jars).what


@pytest.mark.parametrize("character", ["$", "`", '"', "\\", ":", "*", "["])
def test_path_that_a_program_cannot_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    """Initdb passes its path through a shell, a class path is a list, PyFlink reads patterns."""
    folder = tmp_path / f"a{character}b"
    monkeypatch.setattr(runtime, "SHARE", folder / "share")
    monkeypatch.setattr(runtime, "postgres", lambda: folder / "pginstall")
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    finding = found(installation.location)
    assert (finding.level, repr(character) in finding.what) == (Level.FAIL, True)


@pytest.mark.parametrize("name", ["Área de Trabalho", "l'oja 100% #1", "a" * 120, "{x} & (y), ~;"])
def test_other_characters_are_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Blanks, accents, quotes, percent signs."""
    monkeypatch.setattr(runtime, "SHARE", tmp_path / name / "share")
    monkeypatch.setattr(runtime, "postgres", lambda: tmp_path / name / "pginstall")
    assert found(installation.location).level is Level.OK


def test_missing_program_is_told_as_the_start_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and what to do."""
    monkeypatch.setattr(runtime, "java", lambda: Path("/nonsense/java"))
    finding = found(installation.programs)
    assert (finding.level, finding.what) == (Level.FAIL, "java is not installed.")
    assert "make setup" in finding.todo
    assert "Java: cannot be started" in found(installation.versions).what
