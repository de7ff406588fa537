"""Options of `spaf chaos`: kinds, plan, the command that repeats a fault, settings."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from spaf.bench.scenario import Seconds
from spaf.chaos.plan import plan
from spaf.chaos.registry import KINDS
from spaf.chaos.run_settings import with_free_ports
from spaf.chaos.scenario import ChaosScenario
from spaf.errors import SettingsError
from spaf.settings import KafkaSettings, Settings


def test_an_unknown_kind_is_refused_with_the_list() -> None:
    """One sentence, and what there is."""
    with pytest.raises(SettingsError, match="--kinds kil: no kind") as refused:
        list(ChaosScenario(kinds=("kill", "kil")).prepare(Settings()))
    assert ", ".join(KINDS) in refused.value.todo


def test_pairs_need_a_kind_that_has_some() -> None:
    """The message names those that have."""
    with pytest.raises(SettingsError, match="--pairs") as refused:
        ChaosScenario(kinds=("poison",), pairs=True).chosen()
    assert "kill" in refused.value.todo


def test_the_repeated_fault_is_the_same_one() -> None:
    """Its number and seed are enough; options that were not the default are repeated."""
    scenario = ChaosScenario(seed=5, faults=20)
    assert scenario.repeat(13) == "spaf chaos --seed 5 --only 13"
    (again,) = ChaosScenario(seed=5, only=13).planned()
    assert again == list(scenario.planned())[12]
    paired = ChaosScenario(seed=5, kinds=("kill", "pause"), rate=50, pairs=True)
    assert paired.repeat(2) == ("spaf chaos --seed 5 --only 2 --kinds kill,pause --rate 50 --pairs")


def test_a_soak_goes_on_with_the_same_plan() -> None:
    """It has no end of its own."""
    soak = ChaosScenario(seed=3, soak=Seconds(3_600))
    assert list(islice(soak.planned(), 30)) == plan(3, 30, soak.chosen())
    assert soak.verify_share < ChaosScenario().verify_share


def test_a_kind_that_needs_another_run_is_made_by_name_only() -> None:
    """The plan of a seed has the default run."""
    assert "failover" not in ChaosScenario().chosen()
    assert list(ChaosScenario(kinds=("failover",)).chosen()) == ["failover"]


def test_the_run_is_its_own(tmp_path: Path) -> None:
    """A folder below the user's, and services of its own, even if the user has others."""
    users = Settings(home=tmp_path, kafka=KafkaSettings(bootstrap_servers="kafka:9092"))
    own = ChaosScenario().settings(users)
    assert own.home == tmp_path / "chaos"
    assert own.kafka.bootstrap_servers is None


def test_ports_are_free_and_different() -> None:
    """The user's run may have the usual ones."""
    chosen = with_free_ports(Settings())
    ports = {
        section.port
        for section in (
            *(chosen.kafka, chosen.flink, chosen.postgres, chosen.locust, chosen.serve),
        )
    }
    assert len(ports) == 5
