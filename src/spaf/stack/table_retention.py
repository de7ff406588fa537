"""Keeps the parts of the tables ahead of time, and drops what is older than `store.keep`."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from spaf import clock
from spaf.errors import SpafError
from spaf.settings import Settings, retention_reserve_s
from spaf.store import retention
from spaf.store.access import Access, Role
from spaf.topic import admin
from spaf.topic.retention import set_retention

log = logging.getLogger(__name__)

# A part begins at midnight, and the next one exists a day before.
INTERVAL_S = 60.0


class TableRetention:
    """The retention of one run, step by step in a thread of its own."""

    def __init__(self, settings: Settings, kafka: str, access: Access) -> None:
        """Keep what a step needs; nothing is done yet."""
        self._settings, self._kafka, self._access = settings, kafka, access
        self._said = ""

    def change_settings(self, chosen: Settings) -> None:
        """Follow other settings from the next step on: how late a sale may be has changed."""
        self._settings = chosen

    def begin(self) -> None:
        """Set the retention of the topic, and create the first parts, before the job writes.

        Raises:
            TopicError: the topic cannot be altered.
            StoreError: PostgreSQL does not answer.

        """
        kafka = self._settings.kafka
        if kafka.retention is not None and set_retention(self._kafka, kafka.topic, kafka.retention):
            log.info("topic %s keeps its records for %d s", kafka.topic, kafka.retention)
        create_parts(self._settings, self._access)

    def follow(self, ended: threading.Event) -> None:
        """Take a step a minute until the run ends."""
        while not ended.wait(INTERVAL_S):
            try:
                self.step()
            except SpafError as error:
                if str(error) != self._said:
                    log.warning("retention waits: %s", error)
                self._said = str(error)
            except Exception:
                log.exception("retention has failed: a defect of SPAF")
            else:
                self._said = ""

    def step(self) -> bool:
        """Create what is missing, and drop what is too old; return whether something was dropped.

        Raises:
            TopicError: Kafka does not answer.
            StoreError: PostgreSQL does not answer.

        """
        now, settings = _now(), self._settings
        create_parts(settings, self._access)
        if settings.store.keep is None:
            return False
        # Of the topic after the clock: what is appended later is newer than `now`.
        ends = self._ends()
        with self._access.session(Role.READ) as connection:
            known = retention.progress(connection)
        before = retention.droppable_before(
            known,
            ends,
            now,
            keep=timedelta(seconds=settings.store.keep),
            reserve=timedelta(seconds=retention_reserve_s(settings)),
        )
        return before is not None and retention.drop_before(self._access, before)

    def _ends(self) -> dict[int, int]:
        topic = self._settings.kafka.topic
        parts = [(topic, part) for part in admin.partitions(self._kafka, topic)]
        ends = admin.end_offsets_of(self._kafka, parts)
        return {part: end for (_, part), end in ends.items()}


def create_parts(settings: Settings, access: Access) -> None:
    """Create the parts of the tables that are missing for now and ahead of it.

    Raises:
        StoreError: PostgreSQL does not answer.

    """
    retention.create_ahead(access, _now(), by_day=settings.store.keep is not None)


def kept_s(settings: Settings) -> float | None:
    """Return how long topic and tables keep what they have, seconds; None if one keeps all."""
    keep, retention_s = settings.store.keep, settings.kafka.retention
    return None if keep is None or retention_s is None else float(max(keep, retention_s))


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
