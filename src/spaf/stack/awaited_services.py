"""External services that start at the same time as the run, as containers do."""

from __future__ import annotations

from collections.abc import Callable

from spaf import clock
from spaf.job.flink_client import FlinkClient
from spaf.settings import KafkaSettings
from spaf.stack import postgres
from spaf.stack.flink import REST_TIMEOUT_S
from spaf.stack.service_names import JOBMANAGER, KAFKA, POSTGRES
from spaf.stack.state import SUPERUSER_SECRET, RunFolder
from spaf.stack.topology import Topology
from spaf.store.access import Access
from spaf.topic.admin import is_ready

# Ten times a slow start. After it a service counts as there: the step that needs it says why it
# does not answer. Seconds.
MAX_WAIT_S = 90.0


class AwaitedServices:
    """Which external services have answered once."""

    def __init__(self, topology: Topology, home: RunFolder, settings: KafkaSettings) -> None:
        """Wait for those that SPAF does not start; nothing is connected yet."""
        access, flink = topology.access, FlinkClient(topology.flink, REST_TIMEOUT_S)
        probes: dict[str, Callable[[], bool]] = {
            # A new topic needs a broker for each of its replicas.
            KAFKA: lambda: is_ready(
                topology.kafka, brokers=settings.replication or 1, topic=settings.topic
            ),
            POSTGRES: lambda: _accepts(access, home),
            JOBMANAGER: flink.ready,
        }
        self._pending = {name: probe for name, probe in probes.items() if name in topology.external}
        self._until = clock.monotonic() + MAX_WAIT_S

    def poll(self) -> None:
        """Ask those that have not answered yet, for a second or two each."""
        if clock.monotonic() > self._until:
            self._pending.clear()
        self._pending = {name: probe for name, probe in self._pending.items() if not probe()}

    def answered(self, name: str) -> bool:
        """Return whether a service has answered, or was not waited for."""
        return name not in self._pending


def _accepts(access: Access, home: RunFolder) -> bool:
    if access.passwords:
        # Its roles may not exist yet.
        password = home.passwords()[SUPERUSER_SECRET]
        access = access.superuser(postgres.SUPERUSER, password, postgres.SUPERUSER)
    return postgres.accepts(access)
