"""`docker compose up -d`: what the brief shows, and what a person types next."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from spaf import clock
from tests.containers.conftest import Project
from tests.support.containers.compose import COMMAND_S, Compose
from tests.support.containers.record import Parts
from tests.support.containers.spread import TASKMANAGER, wait_for_workers

SERVICES = ["jobmanager", "kafka", "locust", "page", "postgres", "taskmanager"]
RATE = 100
FIRST_ROW = "SELECT extract(epoch FROM min(created_at))::float8 AS s FROM sales_summary"
SALES = "SELECT coalesce(sum(sales_count), 0)::bigint AS n FROM sales_summary"
SECRET_NAMES = ("PASS", "SECRET", "TOKEN", "DSN")

pytestmark = pytest.mark.timeout(600)


class Started(NamedTuple):
    """A project that was started, and sold for a while."""

    compose: Compose
    first_row_s: float


@pytest.fixture(scope="module")
def started(project: Project, parts: Parts) -> Iterator[Started]:
    """Yield the services of the brief, with some sales in the tables."""
    with project("spaf-one") as compose:
        began_s = clock.now_us() / 1e6
        compose("up", "--detach")
        compose.wait_until_healthy()
        with selling(compose, 10):
            pass
        first_row_s = compose.scalar(FIRST_ROW) - began_s
        parts.first_row_s = round(first_row_s, 1)
        yield Started(compose, first_row_s)


@pytest.fixture
def compose(started: Started) -> Compose:
    """Return the project."""
    return started.compose


@contextmanager
def selling(compose: Compose, seconds: float) -> Iterator[None]:
    """Sell while the block runs, and for so long; every sale has to be acknowledged."""
    words = ("load", "--rate", str(RATE), "--for", f"{seconds}s", "--json")
    with subprocess.Popen(
        compose.command("exec", "-T", "page", "spaf", *words),
        env=compose.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as load:
        yield
        output, errors = load.communicate(timeout=COMMAND_S)
    assert output, errors
    sold = json.loads(output)
    # A busy machine may be late with some; that is no loss.
    assert (sold["failed"], sold["acked"]) == (0, sold["intended"]), sold


def test_the_first_rows_are_true(started: Started) -> None:
    """Each equals its recomputation; how soon the first was there is in the record."""
    verdict = started.compose.verify()
    assert verdict["records"] >= 0.9 * RATE * 10
    assert started.first_row_s > 0


def test_each_service_is_a_healthy_container(compose: Compose) -> None:
    """As `docker compose ps` shows."""
    found = compose.containers()
    assert [one.name for one in found] == SERVICES
    assert {compose.health(one) for one in found} == {"healthy"}
    shown = compose("ps", "--format", "{{.Service}} {{.State}}").stdout.split("\n")
    assert sorted(filter(None, shown)) == [f"{name} running" for name in SERVICES]


def test_containers_have_no_rights_and_limits(compose: Compose) -> None:
    """A root that is read-only, a user that is not root, memory that is limited."""
    for one in compose.containers():
        inspected = compose.engine.inspect(one)
        host = inspected["HostConfig"]
        assert host["ReadonlyRootfs"], one
        assert not host["Privileged"], one
        assert host["Memory"] > 0, one
        assert "no-new-privileges:true" in host["SecurityOpt"], one
        assert host["CapDrop"] == ["ALL"], one
        assert host["RestartPolicy"]["Name"] in ("always", "unless-stopped", "on-failure"), one
        done = compose("exec", "-T", one.service, "sh", "-c", "id -u; touch /x", check=False)
        assert done.stdout.strip() == "10001", one
        assert "Read-only file system" in done.stderr, one


def test_ports_are_published_on_loopback_only(compose: Compose) -> None:
    """Page, Locust and Flink can be opened; nothing from another machine."""
    addresses = {
        published["HostIp"]
        for one in compose.containers()
        for ports in compose.engine.inspect(one)["NetworkSettings"]["Ports"].values()
        for published in ports or ()
    }
    assert addresses == {"127.0.0.1"}
    for port in (8080, 8089, 8081):
        fetched = compose.engine.inside(
            *("python3", "-c", "import sys, urllib.request as r; r.urlopen(sys.argv[1])"),
            f"http://127.0.0.1:{port}/",
        )
        subprocess.run(fetched, check=True, timeout=30)


def test_secrets_are_generated_and_in_no_variable(compose: Compose) -> None:
    """Whoever may inspect a container does not read a password there."""
    for one in compose.containers():
        for variable in compose.engine.inspect(one)["Config"]["Env"]:
            name, _, value = variable.partition("=")
            secret = any(part in name for part in SECRET_NAMES)
            assert not secret or not value or value.startswith("/"), name
        assert not [
            line
            for line in compose.logs(one.service, lines=1_000).split("\n")
            if "password=" in line
        ]


def test_logs_go_to_the_engine(compose: Compose) -> None:
    """Of each service."""
    for name in ("kafka", "postgres", "jobmanager", "taskmanager", "page"):
        assert compose.logs(name).strip(), name


def test_the_commands_of_the_brief_work(compose: Compose) -> None:
    """The newest rows, and a demo that ends with its verdict."""
    assert len(compose.answer("query")) == 10
    demo = compose.spaf("demo", "--for", "5s", check=False)
    assert "exact" in demo.stdout, demo.stdout + demo.stderr
    assert compose.spaf("status").returncode == 0


def test_it_resumes_after_a_stop(compose: Compose, parts: Parts) -> None:
    """Everything is stopped and started; what was sold is still counted, and once."""
    sold = compose.scalar(SALES)
    compose("stop")
    began_s = clock.now_us() / 1e6
    compose("start")
    compose.wait_until_healthy()
    with selling(compose, 5):
        pass
    first = f"{FIRST_ROW} WHERE created_at > to_timestamp({began_s})"
    parts.resumed_s = round(compose.scalar(first) - began_s, 1)
    verdict = compose.verify()
    assert verdict["accepted"] >= sold + 0.9 * RATE * 5


def test_taskmanagers_scale_while_sales_go_on(compose: Compose) -> None:
    """From one to three and back; the job moves if its container goes."""
    with selling(compose, 40):
        scale(compose, 3)
        assert len(compose.containers(TASKMANAGER)) == 3
        compose.verify()
        scale(compose, 1)
    compose.verify()


def scale(compose: Compose, number: int) -> None:
    """Have so many TaskManagers, and wait until Flink knows them."""
    compose("up", "--detach", "--no-recreate", "--scale", f"taskmanager={number}")
    wait_for_workers(compose, number)


def test_kafbat_is_named_by_version(project: Project) -> None:
    """Its image cannot be pulled without a registry: only the file is checked."""
    with project("spaf-ui", profiles=("kafka-ui",)) as compose:
        config: Any = json.loads(compose("config", "--format", "json").stdout)
    images = {name: one["image"] for name, one in config["services"].items()}
    others = {name: image for name, image in images.items() if "kafbat" in image}
    assert others
    for image in others.values():
        assert image.rpartition(":")[2][0].isdigit() or image.rpartition(":")[2][0] == "v"
