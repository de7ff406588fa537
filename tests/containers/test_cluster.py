"""Three brokers, two JobManagers, three TaskManagers, ZooKeeper: nothing lost, nothing double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.containers.conftest import RATE, SEED, Project, faults
from tests.support.containers.compose import ROOT, Compose
from tests.support.containers.disks import SmallDisk
from tests.support.containers.faults import BROKER, POSTGRES, ContainerFaults, make_faults
from tests.support.containers.record import Parts

CLUSTER = ROOT / "deploy" / "cluster.env"
# Volumes whose disk can be filled: a broker's, and PostgreSQL's.
DISKS = {BROKER: "kafka-3", POSTGRES: "postgres"}
DISK_MIB = 1_600
OWNER = 10_001
# Prints partitions, replicas and the option of the topic of the sales.
TOPIC = """
import json
from spaf import settings
from spaf.stack.run import Run
from spaf.topic import admin
run = Run.attach(settings.load())
options = admin.topic_options(run.kafka, run.topic)
print(json.dumps({"partitions": len(run.end_offsets()), "options": options}))
"""

pytestmark = pytest.mark.timeout(1_500)


@pytest.fixture(scope="module")
def disks(scratch: Path) -> Iterator[dict[str, SmallDisk]]:
    """Yield a small disk for each volume that is to become full."""
    with ExitStack() as stack:
        yield {
            target: stack.enter_context(SmallDisk(scratch / f"disk-{name}", OWNER, DISK_MIB))
            for target, name in DISKS.items()
        }


@pytest.fixture(scope="module")
def cluster(project: Project, disks: dict[str, SmallDisk], scratch: Path) -> Iterator[Compose]:
    """Yield the cluster, healthy."""
    volumes = {
        DISKS[target]: {
            "driver_opts": {"type": "none", "o": "bind", "device": str(disk.folder)},
        }
        for target, disk in disks.items()
    }
    override = scratch / "disks.json"
    override.write_text(json.dumps({"volumes": volumes}))
    with project("spaf-cluster", env_file=CLUSTER, files=(override,)) as compose:
        compose("up", "--detach")
        compose.wait_until_healthy()
        yield compose


def test_every_record_has_three_replicas(cluster: Compose) -> None:
    """And is acknowledged by two of them at least."""
    done = cluster("exec", "-T", "page", "python3", "-c", TOPIC)
    topic = json.loads(done.stdout)
    assert topic["partitions"] == 3
    assert topic["options"]["min.insync.replicas"] == "2"


def test_faults_lose_and_double_nothing(
    cluster: Compose, disks: dict[str, SmallDisk], parts: Parts
) -> None:
    """Singly and in pairs, while sales go on; each is survived, and all is verified after each."""
    containers = ContainerFaults(cluster, disks)
    wanted = faults()
    made = make_faults(cluster, containers, seed=SEED, count=wanted, rate=RATE)
    parts.faults, parts.history = made, containers.history
    assert [f"{one.line}: {one.failure}" for one in made.faults if one.failure] == []
    assert [one.line for one in made.faults if one.differences is None] == []
    assert (made.made, made.lost, made.differences, made.exact) == (wanted, 0, 0, True)
    assert made.errors == []
