"""compose.yaml has the services of the table, locked in, and reached from this machine only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from spaf.settings import Settings, environment
from spaf.stack.service_names import JOBMANAGER, KAFKA, LOCUST, PAGE, POSTGRES, TASKMANAGER
from spaf.stack.service_specs import ALONE, JOB, SPECS, TABLES

ROOT = Path(__file__).parents[2]
# The services that the brief has, and the page.
BRIEF = {KAFKA, POSTGRES, JOBMANAGER, TASKMANAGER, LOCUST, PAGE}
# Of a third party.
FOREIGN = "kafka-ui"
# Variables that only compose reads.
OF_COMPOSE = {"SPAF_IMAGE", "SPAF_CPUS", "SPAF_PAGE_MEMORY", "SPAF_TASKMANAGER_MEMORY"}
VARIABLE = re.compile(r"\bSPAF_[A-Z0-9_]+")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Return the services, with the parts that they share."""
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(ROOT / "compose.yaml")["services"]
    return found


@pytest.fixture(scope="module")
def own(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the services of SPAF's image."""
    return {name: service for name, service in services.items() if name != FOREIGN}


def service_of(service: dict[str, Any]) -> str:
    """Return what a container runs."""
    verb, name = service["command"]
    assert verb == "service"
    return str(name)


def test_each_service_of_the_table_has_a_container(own: dict[str, dict[str, Any]]) -> None:
    """Without a profile those of the brief; every further one is in the profile of the cluster."""
    assert {name for name, service in own.items() if "profiles" not in service} == BRIEF
    assert all(service["profiles"] == ["cluster"] for n, service in own.items() if n not in BRIEF)
    assert {service_of(service) for service in own.values()} <= set(ALONE)
    assert {name: service_of(own[name]) for name in BRIEF} == dict(zip(BRIEF, BRIEF, strict=True))


def test_containers_wait_for_what_the_table_says(own: dict[str, dict[str, Any]]) -> None:
    """A step of the table belongs to the page; what another one waits for is not repeated."""

    def container(name: str) -> str:
        return PAGE if name in (TABLES, JOB) else name

    def waits_for(*rows: str) -> set[str]:
        return {container(before) for row in rows for before in SPECS[row].after} - {PAGE}

    assert set(own[PAGE]["depends_on"]) == waits_for(TABLES, JOB)
    assert set(own[LOCUST]["depends_on"]) == {container(TABLES)}
    assert waits_for(LOCUST) <= waits_for(TABLES, JOB), "the page waits for it"
    assert set(own[TASKMANAGER]["depends_on"]) == {JOBMANAGER}
    for name in (KAFKA, POSTGRES, JOBMANAGER):
        assert not SPECS[name].after
        assert "depends_on" not in own[name]


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    """A misspelt one would keep its container from starting."""
    known = set(environment(Settings.model_construct())) | OF_COMPOSE
    texts = ((ROOT / name).read_text() for name in ("compose.yaml", "deploy/cluster.env"))
    used = {name for text in texts for name in VARIABLE.findall(text)}
    assert used - known == set()
    assert services


def test_containers_of_ours_can_do_nothing_but_their_work(own: dict[str, dict[str, Any]]) -> None:
    """No right, no writable file outside of volumes, bounded use, one image."""
    for name, service in own.items():
        assert service["image"] == "${SPAF_IMAGE:-spaf}", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "pids_limit", "cpus"} <= service.keys(), name
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        expected = ["CMD", "spaf", "service", service_of(service), "--healthy"]
        assert service["healthcheck"]["test"] == expected, name
        assert "privileged" not in service, name


def test_ports_are_published_on_loopback_only(services: dict[str, dict[str, Any]]) -> None:
    """Each at one of its own."""
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    published = [re.sub(r"\$\{\w+:-(\d+)\}", r"\1", port).split(":")[1] for port in ports]
    assert len(set(published)) == len(published)
    assert {"8080", "8081", "8089", "9092", "5432"} <= set(published)


def test_no_secret_is_in_the_files() -> None:
    """PostgreSQL's container makes them."""
    for name in ("compose.yaml", "deploy/cluster.env"):
        lines = (ROOT / name).read_text().lower().splitlines()
        assert not [line for line in lines if re.search(r"(password|token)\w*\s*[:=]\s*\S", line)]


def test_image_of_a_third_party_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    """And in a profile: a plain start pulls nothing."""
    ui = services[FOREIGN]
    assert re.fullmatch(r"[\w./-]+:v\d+\.\d+\.\d+", ui["image"])
    assert ui["profiles"] == [FOREIGN]
    assert ui["security_opt"] == ["no-new-privileges:true"]


def test_secrets_are_read_by_the_page_and_made_by_postgres_only(
    own: dict[str, dict[str, Any]],
) -> None:
    """Every other container is without them."""
    mounts = {
        name: [volume for volume in service["volumes"] if volume.startswith("secrets:")]
        for name, service in own.items()
    }
    assert {name: found for name, found in mounts.items() if found} == {
        POSTGRES: ["secrets:/var/lib/spaf-shared"],
        PAGE: ["secrets:/var/lib/spaf-shared:ro"],
    }
