"""Every kind of fault by its name."""

from __future__ import annotations

from spaf.chaos.fault import FaultKind
from spaf.chaos.faults import (
    checkpoints,
    database,
    descriptors,
    disk,
    failover,
    kafka_log,
    network,
    signals,
    starve,
    supervisor,
    traffic,
)

MODULES = (
    signals,
    supervisor,
    starve,
    network,
    disk,
    descriptors,
    database,
    kafka_log,
    checkpoints,
    traffic,
    failover,
)
KINDS: dict[str, FaultKind] = {kind.name: kind for module in MODULES for kind in module.KINDS}
