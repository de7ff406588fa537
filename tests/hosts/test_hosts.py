"""SPAF over several hosts without an engine: the same answers as on one machine.

Three brokers, a JobManager, three TaskManagers, PostgreSQL and the page have a host each. All speak
TLS by host name; each link has latency and loses packets.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from spaf import clock
from tests.hosts import client
from tests.hosts.conftest import COMMAND_TIMEOUT_S, PARTITIONS, POSTGRES, Cluster

pytestmark = pytest.mark.timeout(300)

RATE = 100
# A short load, and one that the cuts below fit into, seconds.
SHORT_S, LONG_S = 8, 50
# Which link is cut, how long after the load begins, and for how long. A broker is given up after
# 2 s of silence, a TaskManager after HEARTBEAT_TIMEOUT_S; the sink of the job waits for PostgreSQL.
CUTS = (("kafka-2", 3.0, 6.0), ("taskmanager-1", 12.0, 20.0), (POSTGRES, 40.0, 5.0))


def load(cluster: Cluster, seconds: int) -> subprocess.Popen[bytes]:
    """Begin to sell."""
    return cluster.background("load", "--rate", str(RATE), "--for", f"{seconds}s")


def verified(cluster: Cluster) -> dict[str, Any]:
    """Return the verdict of `spaf verify`, which must be exact."""
    done = cluster.spaf("verify", "--json")
    assert done.returncode == 0, f"{done.stdout[-3_000:]}{done.stderr[-3_000:]}"
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def test_sales_over_hosts_are_exact(cluster: Cluster) -> None:
    """Every row, with copies of sales in several partitions, and every sale once."""
    load_process = load(cluster, SHORT_S)
    sold = cluster.client("sell")
    assert sold["failed"] == 0
    assert load_process.wait(COMMAND_TIMEOUT_S) == 0, cluster.log("command").read_text()
    verdict = verified(cluster)
    assert verdict["records"] == RATE * SHORT_S + sold["sent"]
    assert verdict["duplicates"] == client.SALES


def test_sales_of_one_product_are_in_order_and_links_may_be_cut(cluster: Cluster) -> None:
    """A broker, a TaskManager and PostgreSQL are lost and come back under load."""
    began = clock.monotonic()
    before = verified(cluster)["records"]
    load_process = load(cluster, LONG_S)
    for name, after_s, length_s in CUTS:
        clock.sleep(max(0.0, began + after_s - clock.monotonic()))
        with cluster.network.cut(cluster.network[name]):
            clock.sleep(length_s)
    assert load_process.wait(COMMAND_TIMEOUT_S) == 0, cluster.log("command").read_text()
    verdict = verified(cluster)
    assert verdict["records"] == before + RATE * LONG_S
    found = cluster.client("order")
    assert found["overtaken"] == []
    assert found["partitions_of_a_product"] == 1
    assert len(found["records"]) == PARTITIONS


WRONG_NAMES = {
    "SPAF_KAFKA__BOOTSTRAP_SERVERS": ("other-kafka:9092", "kafka.bootstrap_servers"),
    "SPAF_FLINK__REST_URL": ("https://other-flink:8081", "flink.rest_url"),
    "SPAF_POSTGRES__HOST": ("other-postgres", "postgres.host"),
}


@pytest.mark.parametrize("variable", WRONG_NAMES)
def test_a_host_under_a_name_that_its_certificate_lacks_is_refused(
    cluster: Cluster, variable: str
) -> None:
    """One sentence, with the setting to correct."""
    value, setting = WRONG_NAMES[variable]
    host = value.removeprefix("https://").partition(":")[0]
    done = cluster.spaf("doctor", **{variable: value})
    said = " ".join(f"{done.stdout} {done.stderr}".split())
    assert done.returncode == 1
    assert f"is not for {host}; use a name of it in {setting}" in said


def test_a_client_without_a_certificate_is_refused(cluster: Cluster) -> None:
    """Brokers and REST API admit clients of their own authority only."""
    files = [f"{part}__{end}_FILE" for part in ("KAFKA", "FLINK") for end in ("CERT", "KEY")]
    none = {f"SPAF_{name}": "null" for name in files}
    done = cluster.spaf("doctor", **none)
    said = " ".join(f"{done.stdout} {done.stderr}".split())
    assert done.returncode == 1
    assert "requires a client certificate; set kafka.cert_file and kafka.key_file" in said
    assert "requires a client certificate; set flink.cert_file and flink.key_file" in said
