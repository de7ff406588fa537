"""Processes, real ones: known exactly, ended exactly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest

from spaf import clock
from spaf.errors import ServiceError
from spaf.stack import process
from spaf.stack.process import ProcessIdentity, ServiceProcess

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('up', flush=True); time.sleep(60)"
    ),
]
PATIENCE = 10.0
HOSTILE_VARIABLES = (
    *("http_proxy", "HTTPS_PROXY", "ALL_PROXY", "_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "CLASSPATH"),
    *("FLINK_CONF_DIR", "KAFKA_OPTS", "HADOOP_CLASSPATH", "PGHOST", "PGSERVICE", "PGOPTIONS"),
    *("PYTHONPATH", "PYTHONWARNINGS", "LOCUST_USERS", "PIP_USER", "LC_CTYPE", "LANG", "TMPDIR"),
    *("GREP_OPTIONS", "SSL_CERT_FILE", "OPENSSL_CONF", "SPAF_HOME", "USER", "TZDIR"),
)


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """End and collect what a test has started, however it ends."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def begin(children: list[subprocess.Popen[bytes]], argv: list[str]) -> subprocess.Popen[bytes]:
    """Start a child and wait until it has said that it is up."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child


def known(pid: int) -> ProcessIdentity:
    """Return the identity of a process that lives."""
    identity = ProcessIdentity.of(pid)
    assert identity is not None
    return identity


def service(tmp_path: Path, argv: list[str]) -> ServiceProcess:
    """Return a service with a log in a folder that is not there yet."""
    return ServiceProcess(
        "x", argv, "", tmp_path / "logs" / "x.log", ready=lambda: True, cwd=tmp_path
    )


def test_identity_of_a_child_lives_as_long_as_the_child(
    children: list[subprocess.Popen[bytes]],
) -> None:
    """Alive while it runs; a zombie and a collected child are not."""
    child = begin(children, SLEEPER)
    identity = known(child.pid)
    assert identity.alive()
    child.kill()
    assert process.wait_until(lambda: not identity.alive(), PATIENCE)
    assert child.returncode is None  # it is a zombie: its parent has not waited for it
    child.wait()
    assert not identity.alive()
    assert ProcessIdentity.of(child.pid) is None


def test_pid_of_another_start_time_is_another_process(
    children: list[subprocess.Popen[bytes]],
) -> None:
    """A pid that the system uses again is not taken for ours, and is not stopped."""
    child = begin(children, SLEEPER)
    earlier = ProcessIdentity(child.pid, known(child.pid).started - 1)
    assert not earlier.alive()
    process.stop(earlier, signal.SIGKILL, 0.1)
    assert child.poll() is None


def test_stop_asks_first(children: list[subprocess.Popen[bytes]]) -> None:
    """A child that obeys ends by the signal that it was asked with, at once."""
    child = begin(children, SLEEPER)
    began = clock.monotonic()
    process.stop(known(child.pid), signal.SIGTERM, PATIENCE)
    assert clock.monotonic() - began < PATIENCE / 2
    assert child.wait(0) == -signal.SIGTERM


def test_stop_kills_what_does_not_obey(children: list[subprocess.Popen[bytes]]) -> None:
    """After its time a child that ignores the request is gone all the same."""
    child = begin(children, STUBBORN)
    identity = known(child.pid)
    began = clock.monotonic()
    process.stop(identity, signal.SIGTERM, 0.3)
    assert clock.monotonic() - began >= 0.3
    assert not identity.alive()


def test_stop_ends_the_children_of_the_child(children: list[subprocess.Popen[bytes]]) -> None:
    """Nothing is left running that the service had started."""
    inner = f"import subprocess; p = subprocess.Popen({SLEEPER!r}, stdout=-3);"
    code = f"{inner} open('/dev/null').close(); print('up', flush=True); p.wait()"
    child = begin(children, [sys.executable, "-c", code])
    found = known(child.pid).process()
    assert found is not None
    family = [known(one.pid) for one in found.children()]
    assert len(family) == 1
    process.stop(known(child.pid), signal.SIGTERM, 0.3)
    # A killed process of a busy machine may need a moment to end.
    assert process.wait_until(lambda: not family[0].alive(), PATIENCE)


def test_stop_does_not_wait_for_a_zombie(children: list[subprocess.Popen[bytes]]) -> None:
    """A container without an init has no process that collects zombies."""
    code = (
        f"import subprocess, time; p = subprocess.Popen({SLEEPER!r}, stdout=-3);"
        "print('up', flush=True); time.sleep(60)"
    )
    parent = begin(children, [sys.executable, "-c", code])
    orphan = known(psutil.Process(parent.pid).children()[0].pid)
    began = clock.monotonic()
    process.stop(orphan, signal.SIGTERM, PATIENCE)
    assert clock.monotonic() - began < PATIENCE / 2
    assert psutil.Process(orphan.pid).status() == psutil.STATUS_ZOMBIE


def test_child_sees_nothing_of_the_users_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its variables are the built ones and those of its caller, its umask is SPAF's own."""
    for name in HOSTILE_VARIABLES:
        monkeypatch.setenv(name, "/nonsense")
    old = os.umask(0o077)
    try:
        code = "import os; print(dict(os.environ), oct(os.umask(0)))"
        done = process.run("x", [sys.executable, "-c", code], env={"A": "b"}, cwd=tmp_path)
    finally:
        os.umask(old)
    expected = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/dev/null",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "MALLOC_ARENA_MAX": "2",
        "A": "b",
    }
    assert done.stdout == f"{expected} 0o22\n"


def test_python_child_imports_nothing_of_the_current_folder(tmp_path: Path) -> None:
    """A file of the user may have the name of any module; UTF-8 holds without a locale."""
    for name in ("secrets.py", "typing.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('mine')")
    argv = process.module_command("secrets")
    argv[-2:] = ["-c", "import secrets, sys; print(sys.flags.utf8_mode, secrets.__file__)"]
    done = process.run("x", argv, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "LC_ALL": "C"})
    assert done.stdout.startswith("1 /")
    assert str(tmp_path) not in done.stdout


def test_child_can_be_stopped_whatever_the_shell_ignores() -> None:
    """A script that runs a command in the background ignores SIGINT for it, and `nohup` SIGHUP."""
    code = "import signal; print([signal.getsignal(n) for n in (1, 3, 15, 17)])"
    before = [signal.signal(n, signal.SIG_IGN) for n in (1, 3, 15)]
    try:
        done = process.run("x", [sys.executable, "-c", code])
    finally:
        for number, handler in zip((1, 3, 15), before, strict=True):
            signal.signal(number, handler)
    assert done.stdout.count("SIG_DFL") == 4


def test_stop_of_what_has_ended_does_nothing() -> None:
    """No process has this pid and start time."""
    process.stop(ProcessIdentity(2**22 + 1, 0.0), signal.SIGTERM, 0.1)


def test_service_starts_in_a_session_of_its_own_and_writes_its_log(
    tmp_path: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    """Ctrl-C in a terminal does not reach it; both outputs are kept, added to earlier ones."""
    code = "import os, sys; print(os.getsid(0) == os.getpid()); sys.stderr.write(os.environ['A'])"
    made = service(tmp_path, [sys.executable, "-c", code])
    for text in ("one\n", "two\n"):
        child = process.start(ServiceProcess(**{**vars(made), "env": {"A": text}}))
        children.append(child)
        assert child.wait(PATIENCE) == 0
    assert sorted(made.log.read_text().split()) == ["True", "True", "one", "two"]


def test_program_that_is_not_there_is_told_with_the_services_name(tmp_path: Path) -> None:
    """One message, no traceback."""
    with pytest.raises(ServiceError, match=r"^x: cannot be started: .*nothing-here"):
        process.start(service(tmp_path, ["/nothing-here"]))


def test_service_ends_when_its_parent_is_killed(
    tmp_path: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    """Even `kill -9` of the supervisor leaves nothing running."""
    code = (
        "import time; from pathlib import Path; from spaf.stack import process;"
        f"s = process.ServiceProcess('x', {SLEEPER!r}, '', Path({str(tmp_path / 'log')!r}), bool);"
        f"Path({str(tmp_path / 'pid')!r}).write_text(str(process.start(s).pid));"
        "print('up', flush=True); time.sleep(60)"
    )
    parent = begin(children, [sys.executable, "-c", code])
    service_ = known(int((tmp_path / "pid").read_text()))
    assert process.wait_until(lambda: (tmp_path / "log").read_text() == "up\n", PATIENCE)
    assert service_.alive()
    parent.kill()
    assert process.wait_until(lambda: not service_.alive(), PATIENCE)


def test_wait_until_gives_up_in_time() -> None:
    """A condition that never holds costs the time that was given, and is looked at meanwhile."""
    looks = count()
    began = clock.monotonic()
    assert not process.wait_until(lambda: next(looks) < 0, 0.1, poll=0.01)
    assert 0.1 <= clock.monotonic() - began < 1
    assert next(looks) > 2


def test_wait_until_returns_as_soon_as_the_condition_holds() -> None:
    """What holds already is not waited for."""
    answers = iter([False, True])
    assert process.wait_until(lambda: next(answers), 0.0001, poll=0)


def test_log_tail_strips_control_characters_and_indents(tmp_path: Path) -> None:
    """A hostile log cannot move the cursor of a person's terminal."""
    log = tmp_path / "x.log"
    log.write_bytes("\x1b[2Jred\x07\r\nbell\x00é\u202eok\n".encode() + b"\xff\n")
    assert process.log_tail(log) == "    [2Jred\n    belléok\n    \N{REPLACEMENT CHARACTER}"


def test_log_tail_is_the_end_of_the_log(tmp_path: Path) -> None:
    """Only the last lines, in order, however long the log is."""
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert process.log_tail(log, 2) == "    line 99998\n    line 99999"


def test_log_tail_holds_long_lines_whole(tmp_path: Path) -> None:
    """As many as are asked for, as far as a megabyte reaches; no half line at its beginning."""
    log = tmp_path / "x.log"
    log.write_text("".join(f"{number}{'x' * 9_999}\n" for number in range(10)))
    assert process.log_tail(log, 9).split() == [f"{n}{'x' * 9_999}" for n in range(1, 10)]
    log.write_text(f"{'x' * process.LOG_TAIL_BYTES}\nend\n")
    assert process.log_tail(log, 9) == "    end"


@pytest.mark.parametrize("content", [None, b""])
def test_log_tail_of_no_log_is_empty(tmp_path: Path, content: bytes | None) -> None:
    """A service that has said nothing adds nothing to the message."""
    log = tmp_path / "x.log"
    if content is not None:
        log.write_bytes(content)
    assert process.log_tail(log) == ""


def test_identity_of_this_process_is_stable() -> None:
    """Two readings of the start time agree."""
    assert known(os.getpid()) == known(os.getpid())
