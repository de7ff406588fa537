"""The checks of the machine, on limits that it has and on limits that it is given."""

from __future__ import annotations

import locale
import os
import pwd
import resource
import socket
from pathlib import Path

import pytest

from spaf.settings import FlinkSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack.doctor import machine
from spaf.stack.doctor.finding import Check, Finding, Level, Subject

SUBJECT = Subject.of(Settings.model_construct(home=Path("/nonsense/run")))


def found(check: Check, subject: Subject = SUBJECT) -> Finding:
    """Return the worst finding of a check."""
    return max(check(subject), key=lambda finding: list(Level).index(finding.level))


@pytest.mark.parametrize(
    ("check", "number", "low", "words"),
    [
        (machine.open_files, resource.RLIMIT_NOFILE, 128, ("128", "208", "ulimit -Hn")),
        (machine.address_space, resource.RLIMIT_AS, 2**31, ("2048 MiB", "ulimit -v")),
        (machine.file_size, resource.RLIMIT_FSIZE, 2**20, ("1 MiB", "1024 MiB", "ulimit -f")),
        (machine.address_space, resource.RLIMIT_DATA, 2**31, ("2048 MiB", "ulimit -d")),
        (machine.processor_time, resource.RLIMIT_CPU, 600, ("600", "43200", "ulimit -t")),
        (machine.tasks, resource.RLIMIT_NPROC, 100, ("100", "600", "ulimit -Hu")),
    ],
)
def test_limit_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, check: Check, number: int, low: int, words: tuple[str, ...]
) -> None:
    """The hard limit counts, because programs raise the soft one; the sentence has both numbers."""
    limits = {number: (low, low)}
    monkeypatch.setattr(resource, "getrlimit", lambda one: limits.get(one, (1, -1)))
    finding = found(check)
    assert finding.level is Level.FAIL
    assert [w for w in words if w not in f"{finding.what} {finding.todo}"] == []
    limits[number] = (low, resource.RLIM_INFINITY)
    assert found(check).level is Level.OK


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this process cgroups of both versions; return the folder of the hierarchies."""
    (tmp_path / "own").write_text("9:memory,x:/a/b\n8:pids:/\n0::/slice/scope\n")
    monkeypatch.setattr(machine, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "fs")
    return tmp_path / "fs"


def write(folder: Path, **files: str) -> None:
    """Write the files of a cgroup; `_` stands for a dot."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_memory_is_that_of_the_smallest_cgroup(cgroups: Path) -> None:
    """Of either version and any level; the content of files does not count as used."""
    free = machine.available_mib()
    write(cgroups / "slice", memory__max="max\n", memory__current="5")
    assert machine.available_mib() == pytest.approx(free, rel=0.2)
    stat = f"anon 1\ninactive_file {50 * 2**20}\nactive_file {50 * 2**20}\n"
    sizes = {"memory__max": f"{800 * 2**20}\n", "memory__current": f"{300 * 2**20}\n"}
    write(cgroups / "slice/scope", **sizes, memory__stat=stat)
    assert machine.available_mib() == 600
    old = {"memory__limit_in_bytes": f"{400 * 2**20}", "memory__usage_in_bytes": "0"}
    write(cgroups / "memory,x/a", **old)
    assert machine.available_mib() == 400
    assert found(machine.memory).level is Level.FAIL


def test_number_of_processes_is_that_of_the_container(cgroups: Path) -> None:
    """Docker's `--pids-limit`."""
    write(cgroups / "pids", pids__max="700", pids__current="50")
    assert found(machine.tasks).level is Level.OK
    (cgroups / "pids/pids.max").write_text("200")
    assert "allows 200 processes" in found(machine.tasks).what


def test_needed_memory_follows_the_settings() -> None:
    """Services elsewhere need none here; more heap needs more."""
    default = machine.needed_mib(Settings.model_construct())
    larger = Settings.model_construct(flink=FlinkSettings(task_managers=2, task_heap_mib=1_000))
    assert machine.needed_mib(larger) > default + 1_300
    twice = Settings.model_construct(flink=FlinkSettings(high_availability="zookeeper"))
    second = machine.JOBMANAGER_MIB + machine.ZOOKEEPER_MIB
    assert machine.needed_mib(twice) == default + second
    outside = Settings.model_construct(
        kafka=KafkaSettings(bootstrap_servers="k:1"),
        flink=FlinkSettings(rest_url="http://f:1"),
        postgres=PostgresSettings(dsn="postgresql://u:p@h/d"),
    )
    assert machine.needed_mib(outside) == machine.OWN_PROCESSES_MIB


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("slice/scope", {"cpu__max": "150000 100000\n"}),
        ("cpu", {"cpu__cfs_quota_us": "150000", "cpu__cfs_period_us": "100000"}),
    ],
)
def test_share_of_the_cores_is_that_of_the_container(
    cgroups: Path, path: str, files: dict[str, str]
) -> None:
    """Docker's `--cpus`."""
    with machine.OWN_CGROUPS.open("a") as own:
        own.write("7:cpu:/\n")
    write(cgroups / path, **files)
    assert found(machine.cores).what.startswith("1.5 processor cores")


def test_one_core_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run works on it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert found(machine.cores).level is Level.WARN


def test_missing_locale_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old systems have no C.UTF-8."""
    assert found(machine.encoding).level is Level.OK

    def refuse(_: int, name: str | None = None) -> str:
        if name == "C.UTF-8":
            raise locale.Error
        return "C"

    monkeypatch.setattr(locale, "setlocale", refuse)
    assert "no locale C.UTF-8" in found(machine.encoding).what


def test_account_without_an_entry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that was started with any user id."""
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)

    def unknown(_: int) -> object:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert "54321 has no entry" in found(machine.account).what


def test_loopback_that_is_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network namespace without it."""
    assert found(machine.loopback).level is Level.OK

    def unreachable(*_: object) -> object:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    assert "Network is unreachable" in found(machine.loopback).what


def test_folders_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two is enough; shared memory is only slower without its mount."""
    assert found(machine.temporary_files).level is Level.OK
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert found(machine.temporary_files).level is Level.FAIL
    assert found(machine.shared_memory).level is Level.WARN
