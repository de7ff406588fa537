"""The run folder: whole files or none, and secrets that others cannot read."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from spaf.errors import NotUpError, StackError
from spaf.sale import Rules
from spaf.settings import JobSettings, PostgresSettings, SaleSettings, Settings
from spaf.stack.process import ProcessIdentity
from spaf.stack.state import (
    JobContract,
    JobPhase,
    JobState,
    Phase,
    RunFolder,
    RunState,
    ServiceState,
    ServiceStatus,
)
from spaf.store.access import Role


@pytest.fixture
def home(tmp_path: Path) -> RunFolder:
    """Make a run folder."""
    made = RunFolder(tmp_path / "run")
    made.create()
    return made


def run(pid: int = 1, started: float = 2.5, message: str = "") -> RunState:
    """Return the state of a run with one service."""
    kafka = ServiceState("kafka", ServiceStatus.RUNNING, "127.0.0.1:9092", "kafka.log", 7, 8.5, 1)
    return RunState(
        supervisor_pid=pid,
        supervisor_started=started,
        phase=Phase.RUNNING,
        kafka="127.0.0.1:9092",
        flink="http://127.0.0.1:8081",
        postgres_host="127.0.0.1",
        postgres_port=5432,
        services={"kafka": kafka},
        job=JobState(JobPhase.RUNNING, "abc", "chk-1", 2),
        message=message,
    )


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_run_folder_may_be_a_link(tmp_path: Path) -> None:
    """To a larger disk: its data are deleted, the user's link and folder stay."""
    large, link = tmp_path / "large", tmp_path / ".spaf"
    large.mkdir()
    link.symlink_to(large)
    for _ in range(2):
        home = RunFolder(link)
        home.create()
        home.passwords()
        (home.kafka / "data").mkdir()
        (home.kafka / "link").symlink_to(tmp_path)
        home.delete()
        assert list(large.iterdir()) == []
        assert link.is_symlink()
    home.delete()


def test_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    """A disk that is not mounted must not be replaced by a folder on the small one."""
    link = tmp_path / ".spaf"
    link.symlink_to("/nonsense/large")
    home = RunFolder(link)
    with pytest.raises(StackError, match="is a link to /nonsense/large, which does not exist"):
        home.create()
    home.delete()
    assert link.is_symlink()


def test_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    """One sentence with the reason of the system, also for root."""
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot be created \(Not a directory\)"):
        RunFolder(tmp_path / "file" / "run").create()


def test_mode_of_the_folders_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    """PostgreSQL's account passes through; no other account reads a part."""
    for umask in (0o000, 0o027, 0o077):
        old = os.umask(umask)
        try:
            made = RunFolder(tmp_path / oct(umask) / "run")
            made.create()
            made.passwords()
        finally:
            os.umask(old)
        assert mode(made.folder) == 0o711
        assert {mode(part) for part in (made.logs, made.kafka, made.runs)} == {0o700}
        assert mode(made.secrets) == 0o600


def test_state_is_read_as_it_was_written(home: RunFolder) -> None:
    """Every field, and no temporary file."""
    home.write(run())
    assert home.read() == run()
    assert [p.name for p in home.folder.glob("run.*")] == ["run.json"]


def test_no_reader_sees_half_a_state(home: RunFolder) -> None:
    """While one process writes, another always reads a whole state."""
    home.write(run())
    ended = threading.Event()

    def write() -> None:
        for size in range(300):
            home.write(run(message="x" * (size * 100)))
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not ended.is_set():
        assert home.read() is not None
        reads += 1
    writer.join()
    assert reads > 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"phase": 1}', b"\xff\x00", b"null"]
)
def test_garbage_is_no_state(home: RunFolder, content: bytes) -> None:
    """A file that is damaged or of another version is as good as none."""
    home.state.write_bytes(content)
    assert home.read() is None


def test_folder_that_is_not_there_has_no_state(tmp_path: Path) -> None:
    """Looking creates nothing."""
    assert RunFolder(tmp_path / "none").read() is None
    assert list(tmp_path.iterdir()) == []


GONE = 2**22 + 1
ENDED = {
    "": (None, Phase.RUNNING, ""),
    ".": (GONE, Phase.STOPPING, "SIGTERM"),
    ": the supervisor of its last run was killed.": (GONE, Phase.RUNNING, ""),
    "; it failed: kafka: ended 6 times": (GONE, Phase.FAILED, "kafka: ended 6 times"),
}


@pytest.mark.parametrize("end", ENDED)
def test_running_names_the_folder_and_why_nothing_runs(home: RunFolder, end: str) -> None:
    """Without a state, and with that of a supervisor that has gone."""
    pid, phase, message = ENDED[end]
    if pid is not None:
        home.write(msgspec.structs.replace(run(pid, message=message), phase=phase))
    with pytest.raises(NotUpError) as caught:
        home.running()
    assert caught.value.what == f"Nothing runs in {home.folder}{end or '.'}"
    assert "spaf up" in caught.value.todo


@pytest.mark.parametrize(
    ("phase", "words"),
    [(Phase.FAILED, "has failed and is stopping; it failed: why"), (Phase.STOPPING, "is stopping")],
)
def test_a_run_that_is_ending_is_not_joined(home: RunFolder, phase: Phase, words: str) -> None:
    """Its supervisor still stops the services, but no sale would be counted."""
    me = ProcessIdentity.of(threading.get_native_id())
    assert me is not None
    ending = run(me.pid, me.started, "why")
    home.write(msgspec.structs.replace(ending, phase=phase))
    with pytest.raises(NotUpError, match=words):
        home.running()


def test_running_is_the_state_of_a_living_supervisor(home: RunFolder) -> None:
    """Pid and start time are those of a process that runs: this one."""
    me = ProcessIdentity.of(threading.get_native_id())
    assert me is not None
    home.write(run(me.pid, me.started))
    assert home.running() == run(me.pid, me.started)


def test_pid_of_the_supervisor_that_was_used_again_is_not_running(home: RunFolder) -> None:
    """Another process of the same pid is no supervisor."""
    me = ProcessIdentity.of(threading.get_native_id())
    assert me is not None
    home.write(run(me.pid, me.started - 5))
    with pytest.raises(NotUpError):
        home.running()


def test_passwords_are_made_once_and_stay(home: RunFolder) -> None:
    """A second process finds the same ones; no two accounts share one."""
    made = home.passwords()
    assert RunFolder(home.folder).passwords() == made
    assert set(made) == {"superuser", *Role}
    assert len(set(made.values())) == len(made)
    assert min(map(len, made.values())) >= 32


def test_passwords_are_readable_by_their_owner_only(home: RunFolder) -> None:
    """And so is every part of the folder but the way through it."""
    home.passwords()
    assert mode(home.secrets) == 0o600
    assert mode(home.folder) == 0o711
    parts = (home.logs, home.kafka, home.flink, home.checkpoints, home.runs)
    assert [mode(part) for part in parts] == [0o700] * 5


def test_two_folders_have_different_passwords(tmp_path: Path) -> None:
    """Nothing about them can be guessed from another run."""
    homes = [RunFolder(tmp_path / name) for name in "ab"]
    for one in homes:
        one.create()
    assert homes[0].passwords() != homes[1].passwords()


def test_interrupted_making_of_passwords_is_made_up_for(home: RunFolder) -> None:
    """A kill between the empty file and its content does not spoil the folder for ever."""
    home.secrets.touch(mode=0o600)
    assert set(home.passwords()) == {"superuser", *Role}
    assert mode(home.secrets) == 0o600
    assert [p.name for p in home.folder.glob("secrets.*")] == ["secrets.json"]


def test_folder_of_another_account_is_not_used(tmp_path: Path) -> None:
    """Nothing is put into it, and it stays as it is."""
    (tmp_path / "thesis.txt").touch()
    before = mode(tmp_path)
    with pytest.raises(StackError, match="neither empty nor a run folder") as caught:
        RunFolder(tmp_path).create()
    assert "SPAF_HOME" in caught.value.todo
    assert ([p.name for p in tmp_path.iterdir()], mode(tmp_path)) == (["thesis.txt"], before)
    with pytest.raises(StackError, match="neither empty nor a run folder"):
        RunFolder(tmp_path / "thesis.txt").create()


def test_folder_that_holds_the_folder_of_a_bench_is_still_ours(tmp_path: Path) -> None:
    """A bench may have been the first to run."""
    RunFolder(tmp_path / "run" / "drain").create()
    RunFolder(tmp_path / "run").create()
    assert RunFolder(tmp_path / "run").marker.exists()


def test_folder_is_made_twice_without_harm(home: RunFolder) -> None:
    """What lies in it stays."""
    home.write(run())
    home.create()
    assert home.read() == run()


def test_own_access_has_no_superuser(home: RunFolder) -> None:
    """Nothing beyond the cluster's first start connects as superuser."""
    access = home.access(PostgresSettings(), "127.0.0.1", 5432)
    assert (access.host, access.port) == ("127.0.0.1", 5432)
    assert set(access.passwords) == set(map(str, Role))


def test_external_access_makes_no_passwords(home: RunFolder) -> None:
    """A database of the user's own has its own."""
    access = home.access(PostgresSettings(dsn=SecretStr("postgresql://u:p@h/d")), "127.0.0.1", 5432)
    assert (access.host, access.user, access.password) == ("h", "u", "p")
    assert not home.secrets.exists()


def test_service_that_is_not_ours_has_no_identity() -> None:
    """An external service is never stopped."""
    assert ServiceState("kafka", ServiceStatus.EXTERNAL, "h:1").identity() is None
    assert run().services["kafka"].identity() == ProcessIdentity(7, 8.5)


def test_the_contract_of_the_last_job_is_kept(home: RunFolder) -> None:
    """What a job was started with outlives its run, and a later change of the settings."""
    home.create()
    assert home.last_contract() is None
    contract = JobContract(currency="USD", max_lateness_s=5, outlier_hours=3, surge_score=7.5)
    home.write_contract(contract)
    assert home.last_contract() == contract


@pytest.mark.usefixtures("bare")
def test_the_contract_names_what_the_answers_depend_on() -> None:
    """A state that an older supervisor wrote means the defaults."""
    assert JobContract.of(Settings()) == JobContract()
    job = JobSettings(outlier_hours=4, outlier_score=3.5, surge_seconds=90, surge_score=5.5)
    contract = JobContract.of(Settings(job=job, sale=SaleSettings(currency="EUR")))
    assert contract == JobContract("EUR", 600, 60, 4, 3.5, 90, 5.5)


@pytest.mark.usefixtures("bare")
def test_the_rules_say_what_counts() -> None:
    """Those of the event in milliseconds, and for how long a transactionId counts once."""
    contract = JobContract.of(Settings(job=JobSettings(deduplicate_minutes=5)))
    assert contract.rules() == Rules("BRL", 600_000, 60_000, 300_000)
    assert JobContract().rules().dedup_block_ms == 0


def test_results_outlast_the_rest_of_the_folder(home: RunFolder) -> None:
    """They are what the user made; a folder of results alone is a run folder, too."""
    home.create_results()
    (home.results / "rates-1").mkdir()
    home.create()
    home.delete()
    assert sorted(part.name for part in home.folder.iterdir()) == [".spaf-home", "results"]
    home.require_usable()
    (home.results / "rates-1").rmdir()
    home.delete()
    assert not home.folder.exists()
