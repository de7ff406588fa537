"""The checks of the run folder, on folders made for each case."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import psutil
import pytest

from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack import runtime
from spaf.stack.doctor import folder
from spaf.stack.doctor.finding import Check, Finding, Level, Subject, findings
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import Phase, RunFolder, RunState, ServiceState, ServiceStatus


@pytest.fixture
def home(tmp_path: Path) -> RunFolder:
    """Make a run folder below a name with blanks."""
    made = RunFolder(tmp_path / "minha loja" / "run")
    made.create()
    return made


def found(check: Check, home: RunFolder) -> Finding:
    """Return the worst finding of a check."""
    subject = Subject.of(Settings.model_construct(home=home.folder))
    return max(findings(check, subject), key=lambda one: list(Level).index(one.level))


def test_new_and_linked_folders_are_fine(tmp_path: Path, home: RunFolder) -> None:
    """The report names where the link goes."""
    assert found(folder.place, RunFolder(tmp_path / "none")).what.endswith("/none, new")
    (tmp_path / "link").symlink_to(home.folder)
    linked = found(folder.place, RunFolder(tmp_path / "link"))
    assert linked.what.endswith(f"a link to {home.folder}")
    for check in (folder.place, folder.writable, folder.file_system, folder.space, folder.version):
        assert found(check, home).level is not Level.FAIL


def test_foreign_folder_and_dangling_link_fail(tmp_path: Path) -> None:
    """With the sentence of the start."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/a.txt").touch()
    assert "neither empty" in found(folder.place, RunFolder(tmp_path / "thesis")).what
    (tmp_path / "link").symlink_to("/nonsense")
    assert "link to /nonsense" in found(folder.place, RunFolder(tmp_path / "link")).what


def test_folder_of_another_account_names_the_owner(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run as root leaves one behind."""
    monkeypatch.setattr(os, "access", lambda path, _: path != home.logs)
    finding = found(folder.writable, home)
    assert f"{home.logs} belongs to" in finding.what
    assert "chown" in finding.todo


def test_file_system_without_permissions_fails(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords would be open to everybody on VFAT, and PostgreSQL refuses it."""
    monkeypatch.setattr(Path, "chmod", lambda *_, **__: None)
    assert "does not keep permissions" in found(folder.file_system, home).what


def test_file_system_without_programs_fails(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount with noexec: the libraries of the codecs could not be loaded."""
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.X_OK)
    assert "noexec" in found(folder.file_system, home).what


def test_file_system_without_locks_fails(home: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two supervisors could run in one folder."""

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert "has no locks" in found(folder.file_system, home).what


@pytest.mark.parametrize(("kind", "word"), [("nfs4", "network"), ("tmpfs", "memory")])
def test_kind_of_the_file_system_is_told(
    home: RunFolder, monkeypatch: pytest.MonkeyPatch, kind: str, word: str
) -> None:
    """The mount with the longest path counts."""
    mounts = [("/", "ext4"), (str(home.folder.parent), kind), (f"{home.folder}x", "xfs")]
    rows = [psutil._ntuples.sdiskpart("none", mount, name, "rw") for mount, name in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: rows)
    finding = found(folder.file_system, home)
    assert (finding.level, word in finding.what) == (Level.WARN, True)


def test_too_little_space_is_told_with_the_folder(tmp_path: Path) -> None:
    """The disk is that of the nearest folder that is there."""
    home = RunFolder(tmp_path / "none" / "yet")
    folder.require_space(home, 0)
    much = shutil.disk_usage(tmp_path).total // 2**20 + 1
    with pytest.raises(StackError, match=rf"{tmp_path}; {much} MiB are needed") as caught:
        folder.require_space(home, much)
    assert "SPAF_HOME" in caught.value.todo


def test_data_of_another_postgresql_fail(home: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would refuse them after everything else has started."""
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    (home.postgres / "data").mkdir(parents=True)
    (home.postgres / "data/PG_VERSION").write_text("9.6\n")
    finding = found(folder.version, home)
    assert f"PostgreSQL 9.6; {runtime.postgres_version()} is installed" in finding.what
    assert "--wipe" in finding.todo


def test_open_passwords_are_told(home: RunFolder) -> None:
    """A copy may have lost the mode."""
    home.passwords()
    assert found(folder.passwords, home).level is Level.OK
    home.secrets.chmod(0o644)
    assert found(folder.passwords, home).todo == f"chmod 600 {home.secrets}"


@pytest.fixture
def states(home: RunFolder) -> RunState:
    """Write the state of a run whose supervisor is gone."""
    state = RunState(2**22 + 1, 1.0, Phase.RUNNING)
    home.write(state)
    return state


def test_what_an_earlier_run_left(home: RunFolder, states: RunState) -> None:
    """Killed, with processes or without; failed, with its reason; unreadable; up."""
    assert "was killed" in found(folder.last_run, home).what
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    states.services = {
        "kafka": ServiceState("kafka", ServiceStatus.RUNNING, "", "", me.pid, me.started)
    }
    home.write(states)
    assert f"left processes: {me.pid}" in found(folder.last_run, home).what
    states.services, states.phase, states.message = {}, Phase.FAILED, "no disk\nmore"
    home.write(states)
    assert found(folder.last_run, home).what == "The last run failed: no disk"
    states.supervisor_pid, states.supervisor_started = me.pid, me.started
    home.write(states)
    assert found(folder.last_run, home).level is Level.OK
    home.state.write_text("{")
    assert "cannot be read" in found(folder.last_run, home).what
