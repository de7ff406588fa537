"""The settings of a run that a scenario starts for itself, next to a run of the user."""

from __future__ import annotations

from spaf.settings import FlinkSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack.ports import PortReservations


def with_own_services(settings: Settings) -> Settings:
    """Return settings in which SPAF starts every service; those of the user are not used."""
    kafka, flink, postgres = settings.kafka, settings.flink, settings.postgres
    own = KafkaSettings(topic=kafka.topic, durability=kafka.durability)
    return settings.model_copy(
        update={
            "kafka": own if kafka.bootstrap_servers else kafka,
            "flink": FlinkSettings() if flink.rest_url else flink,
            "postgres": PostgresSettings() if postgres.external else postgres,
        }
    )


def with_free_ports(settings: Settings) -> Settings:
    """Return settings with ports that are free now, the same ones after each start of the run."""
    ports = PortReservations()
    sections = ("kafka", "flink", "postgres", "locust", "serve")
    update = {
        name: getattr(settings, name).model_copy(update={"port": ports.reserve()})
        for name in sections
    }
    ports.close()
    return settings.model_copy(update=update)
