"""Three TaskManagers and three partitions: the same answers, and work for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers.conftest import Project
from tests.support.containers import spread
from tests.support.containers.compose import Compose
from tests.support.containers.record import Parts
from tests.support.containers.spread import wait_for_workers

# The job of the page takes a slot of each TaskManager, and leaves one for a drain.
VARIABLES = {
    "SPAF_KAFKA__PARTITIONS": "3",
    "SPAF_JOB__PARALLELISM": "3",
    "SPAF_FLINK__TASK_MANAGERS": "3",
    "SPAF_FLINK__SLOTS": "2",
}
# Of the processor time; a third is even.
MIN_SHARE = 0.2

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def three(project: Project) -> Iterator[Compose]:
    """Yield a project whose job was started when all TaskManagers were there."""
    with project("spaf-three", variables=VARIABLES) as compose:
        compose("up", "--detach", "jobmanager", "taskmanager")
        wait_for_workers(compose, 3)
        compose("up", "--detach")
        compose.wait_until_healthy()
        yield compose


def test_three_taskmanagers_share_the_work(three: Compose, parts: Parts) -> None:
    """Two cores show no speed-up; cost and shares are in the record."""
    parts.spread = spread.measure(three)
    assert len(parts.spread.shares) == 3
    assert min(parts.spread.shares) > MIN_SHARE
