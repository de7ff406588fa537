"""The settings that `spaf bench tuning` changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf import settings
from spaf.bench.tuning.ladder import stack, steps
from spaf.bench.tuning.rungs import DEFAULTS, OURS, RUNGS, SINGLE, Rung
from spaf.job import configuration
from spaf.job.build import JobParameters
from spaf.settings import FlinkSettings, JobSettings


def names(rungs: list[Rung]) -> list[str]:
    """Return their names."""
    return [rung.name for rung in rungs]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("rung", SINGLE, ids=lambda rung: rung.name)
def test_a_rung_has_another_value_than_ours(rung: Rung) -> None:
    """What is shown as ours comes from where it is set."""
    ours = rung.ours(settings.load())
    assert ours
    assert ours != rung.tried
    changes = (rung.options, rung.parameters, rung.job, rung.flink, rung.server)
    assert sum(map(bool, changes)) == 1


@pytest.mark.usefixtures("bare")
def test_values_of_ours_are_those_of_the_job() -> None:
    """Options of the job, parameters of its SQL, settings, and Flink's defaults."""
    chosen = settings.load()
    values = {name: rung.ours(chosen) for name, rung in RUNGS.items()}
    assert values["buffer-timeout"] == "0 ms"
    assert values["key-groups"] == str(configuration.key_groups(chosen.job))
    assert values["fetch-size"] == "4194304"
    assert values["flush-interval"] == "1 ms"
    assert values["code-length"] == "4000"
    assert values["second-compiler"] == "50000"


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("rung", RUNGS.values(), ids=lambda rung: rung.name)
def test_what_a_rung_changes_exists(rung: Rung) -> None:
    """A misspelt field is no setting that has no effect."""
    chosen = settings.load()
    assert set(rung.job) <= set(JobSettings.model_fields)
    assert set(rung.flink) <= set(FlinkSettings.model_fields)
    JobParameters.of(chosen, (), **rung.parameters)
    found = configuration.changed(configuration.options("", chosen.job, None, None), rung.options)
    assert {key: found.get(key) for key in rung.options} == rung.options


def test_the_how_to_explains_every_rung() -> None:
    """With its name and the name that its program has for it."""
    page = (Path(__file__).parents[4] / "docs/how-to/tune-flink.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert list(rows) == list(RUNGS)
    assert [rung.name for rung in SINGLE if rung.key not in rows[rung.name]] == []
    usual = [rung.name for rung in SINGLE if "default" in rows[rung.name].split("|")[4]]
    assert usual == [rung.name for rung in SINGLE if rung.usual]


def test_all_defaults_are_those_of_the_rungs_that_try_one() -> None:
    """What is not a default, such as a server without fsync, is not among them."""
    found = RUNGS[DEFAULTS]
    assert found.options["execution.buffer-timeout.interval"] == "100 ms"
    assert found.options["execution.checkpointing.interval"] is None
    assert found.parameters == {"poll_records": 500, "fetch_bytes": 1_048_576, "flush_rows": 100}
    assert found.job == {"flush_ms": 1_000}
    assert found.flink["second_compiler_delay"] == 1
    assert not found.server
    assert "table.exec.mini-batch.enabled" not in found.options


def test_ours_is_measured_first_in_the_middle_and_last() -> None:
    """Those whose services start again come just before the last one."""
    chosen = [RUNGS[name] for name in ("second-compiler", "buffer-timeout", "fsync", "mini-batch")]
    order = names(list(steps(chosen)))
    assert order == [
        *("ours", "buffer-timeout", "ours", "fsync", "mini-batch", "second-compiler", "ours")
    ]
    assert names(list(steps([]))) == ["ours"] * 3


@pytest.mark.usefixtures("bare")
def test_the_services_differ_only_in_what_a_rung_changes() -> None:
    """Contract, job and compilers are the user's, whose own services are left alone."""
    chosen = settings.load(
        kafka={"bootstrap_servers": "elsewhere:9092"},
        flink={"second_compiler_delay": 3, "slots": 7, "jvm_options": ("-Xss1m",)},
        job={"parallelism": 4, "flush_ms": 9},
    )
    ours, other = stack(chosen, OURS.flink), stack(chosen, RUNGS["second-compiler"].flink)
    assert ours.kafka.bootstrap_servers is None
    assert (ours.job.parallelism, ours.job.flush_ms) == (1, 9)
    assert (ours.flink.second_compiler_delay, ours.flink.slots) == (3, 2)
    assert other == ours.model_copy(update={"flink": other.flink})
    assert other.flink.second_compiler_delay == 1
    huge = stack(chosen, RUNGS["huge-methods"].flink)
    assert huge.flink.jvm_options == ("-Xss1m", "-XX:-DontCompileHugeMethods")
