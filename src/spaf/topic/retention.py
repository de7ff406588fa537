"""How long the topic keeps its records: `kafka.retention` as options of the topic."""

from __future__ import annotations

from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from spaf.topic.admin import REQUEST_TIMEOUT_S, admin_client, topic_options
from spaf.topic.client import kafka_errors

# Kafka deletes whole segments, and never the one that is written to: with ten of them it keeps at
# most a tenth more than it has to.
SEGMENTS = 10
# A segment has files of its own: not more than one a minute.
MIN_SEGMENT_MS = 60_000


def options(seconds: int) -> dict[str, str]:
    """Return the options of a topic that keeps its records for so long."""
    keep_ms = seconds * 1_000
    segment_ms = max(MIN_SEGMENT_MS, keep_ms // SEGMENTS)
    return {"retention.ms": str(keep_ms), "segment.ms": str(segment_ms)}


def set_retention(bootstrap: str, topic: str, seconds: int) -> bool:
    """Let the topic keep its records for so long, and return whether that was a change.

    Raises:
        TopicError: the broker cannot be reached, or the account may not alter the topic.

    """
    wanted, known = options(seconds), topic_options(bootstrap, topic)
    if all(known.get(name) == value for name, value in wanted.items()):
        return False
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in wanted.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    with kafka_errors(f"Setting the retention of topic {topic}", bootstrap):
        altered = admin_client(bootstrap).incremental_alter_configs(
            [resource], request_timeout=REQUEST_TIMEOUT_S
        )
        altered[resource].result()
    return True
