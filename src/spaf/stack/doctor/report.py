"""All checks, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from spaf.settings import Settings
from spaf.stack.doctor import folder, installation, machine, surroundings
from spaf.stack.doctor.finding import Check, Finding, Subject, findings
from spaf.stack.doctor.start import START_CHECKS

CHECKS: dict[str, tuple[Check, ...]] = {
    "machine": (
        machine.cores,
        *START_CHECKS["machine"],
        machine.shared_memory,
        machine.time,
        machine.overcommit,
    ),
    "installation": (
        *START_CHECKS["installation"],
        installation.packages,
        installation.jars,
        installation.versions,
        installation.archives,
    ),
    "run folder": (*START_CHECKS["run folder"], folder.passwords, folder.last_run),
    "environment": (
        surroundings.settings_source,
        surroundings.variables,
        surroundings.ports,
        *START_CHECKS["environment"],
    ),
    "services": (
        surroundings.external_kafka,
        surroundings.external_flink,
        surroundings.external_zookeeper,
        surroundings.external_postgres,
    ),
}


def examine(settings: Settings) -> Iterator[tuple[str, Finding]]:
    """Yield every finding with its area; a check that fails itself is a finding too."""
    subject = Subject.of(settings)
    for area, checks in CHECKS.items():
        for check in checks:
            for finding in findings(check, subject):
                yield area, finding
