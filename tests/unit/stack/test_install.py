"""Set-up after pip: a jar is the locked one or it is not installed.

The registry is replaced by an object that hands out files: the real one cannot be made to send a
wrong file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from requests import ConnectionError as NoConnection
from rich.console import Console
from rich.progress import Progress

from spaf.errors import ServiceError, SetupError
from spaf.stack import install, runtime
from spaf.stack.runtime import LockedJar

GOOD, BAD = b"a jar", b"another jar"
LOCKED = hashlib.sha256(GOOD).hexdigest()


class Registry:
    """Stands for jgo's context: gives the same file for every coordinate, or fails."""

    def __init__(self, file: Path, failure: Exception | None = None) -> None:
        """Keep what is given out."""
        self.file = file
        self.failure = failure
        self.asked: list[tuple[str, str]] = []

    def __call__(self, **_: object) -> Self:
        """Be made as the real one is."""
        return self

    def project(self, group: str, artifact: str) -> Self:
        """Name what is wanted."""
        self.asked.append((group, artifact))
        return self

    def at_version(self, _: str) -> Self:
        """Name its version."""
        return self

    def artifact(self) -> Self:
        """Name its file."""
        return self

    def resolve(self) -> Path:
        """Download it."""
        if self.failure is not None:
            raise self.failure
        return self.file


Serve = Callable[..., Registry]


def test_failure_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message may hold whatever a path is called; none of it is markup."""

    def fail(_: Progress) -> None:
        raise SetupError("no [red]/x[/red]", todo="mend [/it]")

    monkeypatch.setattr(install, "install_jars", fail)
    assert install.main() == 1
    assert "set-up stopped: no [red]/x[/red]\nmend [/it]\n" in capsys.readouterr().err


def test_full_disk_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback; the next set-up continues."""

    def fail(_: Progress) -> None:
        raise OSError(28, "No space left on device", "/x[/red]")

    monkeypatch.setattr(install, "install_jars", fail)
    assert install.main() == 1
    said = capsys.readouterr().err
    assert "set-up stopped: [Errno 28] No space left on device: '/x[/red]'" in said
    assert "make setup" in said


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LockedJar]:
    """Lock two jars and install into a folder of the test."""
    monkeypatch.setattr(runtime, "KAFKA_JARS", tmp_path / "kafka")
    monkeypatch.setattr(runtime, "FLINK_JARS", tmp_path / "flink" / "lib")
    monkeypatch.setattr(runtime, "ARCHIVES", tmp_path / "cds")
    locked = [LockedJar("kafka", "g:a_2.13:1.0", LOCKED), LockedJar("flink", "g:b:2.0", LOCKED)]
    monkeypatch.setattr(runtime, "locked_jars", lambda: locked)
    return locked


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Return what puts a registry in the place of the real one."""

    def put(content: bytes = GOOD, failure: Exception | None = None) -> Registry:
        file = tmp_path / "download"
        file.write_bytes(content)
        registry = Registry(file, failure)
        monkeypatch.setattr(install, "MavenContext", registry)
        return registry

    return put


def run() -> None:
    """Install the jars."""
    with Progress(console=Console(quiet=True)) as progress:
        install.install_jars(progress)


def left(tmp_path: Path) -> list[str]:
    """Return every file below the folders of the jars."""
    folders = (tmp_path / "kafka", tmp_path / "flink")
    return sorted(p.name for folder in folders for p in folder.rglob("*") if p.is_file())


def test_right_jars_are_installed_under_their_names(
    jars: list[LockedJar], serve: Serve, tmp_path: Path
) -> None:
    """Each in the folder of its service, and nothing outside of it."""
    serve()
    run()
    assert [jar.path.read_bytes() for jar in jars] == [GOOD, GOOD]
    assert left(tmp_path) == ["a_2.13-1.0.jar", "b-2.0.jar"]


@pytest.mark.usefixtures("jars")
def test_second_run_asks_for_nothing(serve: Serve) -> None:
    """What is there is right, for it was checked before it got its name."""
    registry = serve()
    run()
    assert sorted(registry.asked) == [("g", "a_2.13"), ("g", "b")]
    registry.asked.clear()
    run()
    assert registry.asked == []


def test_interrupted_run_goes_on_where_it_stopped(jars: list[LockedJar], serve: Serve) -> None:
    """Only what is missing is downloaded."""
    registry = serve()
    run()
    jars[1].path.unlink()
    registry.asked.clear()
    run()
    assert registry.asked == [("g", "b")]
    assert jars[1].path.exists()


@pytest.mark.usefixtures("jars")
def test_wrong_jar_is_refused_and_nothing_is_left_under_its_name(
    serve: Serve, tmp_path: Path
) -> None:
    """One sentence names the jar and both hashes; no half-trusted file stays."""
    serve(BAD)
    with pytest.raises(SetupError) as caught:
        run()
    found = hashlib.sha256(BAD).hexdigest()
    name = caught.value.what.partition(" ")[0]
    assert name in ("g:a_2.13:1.0", "g:b:2.0")
    assert caught.value.what == f"{name} has SHA-256 {found}, but jars.lock says {LOCKED}."
    assert "Do not use it" in caught.value.todo
    assert left(tmp_path) == []


@pytest.mark.usefixtures("jars")
@pytest.mark.parametrize("failure", [NoConnection("long\nstory"), RuntimeError("long\nstory")])
def test_no_network_is_one_sentence(serve: Serve, failure: Exception, tmp_path: Path) -> None:
    """What could not be downloaded, and that one may simply try again."""
    serve(failure=failure)
    with pytest.raises(SetupError) as caught:
        run()
    printed = rf"could not be downloaded ({type(failure).__name__})."
    assert caught.value.what.endswith(printed)
    assert len(str(caught.value).splitlines()) == 2
    assert "make setup" in caught.value.todo
    assert left(tmp_path) == []


@pytest.mark.usefixtures("jars")
def test_program_ends_with_code_1_and_no_traceback(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person sees of a failed set-up."""
    serve(failure=NoConnection())
    assert install.main() == 1
    printed = capsys.readouterr().err
    assert "set-up stopped: " in printed
    assert "Traceback" not in printed


def test_lock_names_each_jar_once_with_a_whole_hash() -> None:
    """No two coordinates share a file, which one of them would never be installed as."""
    locked = runtime.locked_jars()
    assert len({jar.path for jar in locked}) == len(locked)
    assert {jar.service for jar in locked} == {"kafka", "flink"}
    hashes: list[Any] = [bytes.fromhex(jar.sha256) for jar in locked]
    assert {len(one) for one in hashes} == {32}


def test_part_that_is_missing_is_told_with_what_to_run(jars: list[LockedJar]) -> None:
    """A run does not start on half a set-up."""
    with pytest.raises(SetupError, match=rf"^{jars[0].path.name} is not installed\.") as caught:
        runtime.require_installed()
    assert caught.value.todo == "Run `make setup` first."


def test_services_that_do_not_start_leave_set_up_without_their_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their user may have services of his own; starts are slower, and set-up says so."""

    @contextlib.contextmanager
    def fails(*_: object, **__: object) -> Iterator[None]:
        raise ServiceError("postgres", "refuses [to] start")
        yield

    monkeypatch.setattr(runtime, "ARCHIVES", tmp_path)
    monkeypatch.setattr(install, "running", fails)
    for step in ("install_jars", "link_flink", "write_archives", "format_storage", "compile_plan"):
        monkeypatch.setattr(install, step, lambda *_: None)
    assert install.main() == 0
    assert "slower than they could be: postgres: refuses [to] start" in capsys.readouterr().err
